//! `rollcall crds`: print the CustomResourceDefinitions.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, OK};
use crate::api::{Kind, schema};

/// Prints the CustomResourceDefinitions.
#[derive(Debug, Args)]
pub struct Crds {
    /// Write one file a kind into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl Crds {
    pub fn run(self) -> Result<u8, Failure> {
        for kind in Kind::ALL {
            let text = serde_yaml::to_string(&schema::crd(kind)).map_err(std::io::Error::other)?;
            match &self.out {
                None => say!("---\n{}", text.trim_end())?,
                Some(folder) => {
                    std::fs::create_dir_all(folder)?;
                    std::fs::write(folder.join(format!("{}.yaml", kind.plural())), text)?;
                }
            }
        }
        Ok(OK)
    }
}
