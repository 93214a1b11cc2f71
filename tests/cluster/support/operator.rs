//! The operator as a process: started with the rights of the chart's ServiceAccount, killed, frozen, ended.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::plane::free_port;
use super::{Directory, Plane, within};

pub struct Operator {
    child: Child,
    port: u16,
    log: PathBuf,
}

/// The `rollcall` that was built beside this program.
pub fn program() -> PathBuf {
    option_env!("CARGO_BIN_EXE_rollcall").map(PathBuf::from).unwrap_or_else(|| {
        let here = std::env::current_exe().unwrap();
        here.ancestors().nth(2).unwrap().join("rollcall")
    })
}

impl Operator {
    /// Starts one on a directory, and waits until it is ready.
    pub fn start(plane: &Plane, directory: &Directory) -> Operator {
        let operator = Operator::spawn(plane, directory, &[]);
        operator.wait_ready(30);
        operator
    }

    /// Starts one, with further arguments.
    pub fn spawn(plane: &Plane, directory: &Directory, arguments: &[&str]) -> Operator {
        Operator::spawn_with(plane, directory, arguments, &[])
    }

    /// Starts one, with further arguments and environment.
    pub fn spawn_with(plane: &Plane, directory: &Directory, arguments: &[&str], environment: &[(&str, &str)]) -> Operator {
        let port = free_port();
        let log = plane.path(&format!("operator-{port}.log"));
        let file = File::create(&log).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program())
            .args(["operator", "--listen"])
            .arg(format!("127.0.0.1:{port}"))
            .args(["--directory", directory.url()])
            .args(arguments)
            .env("KUBECONFIG", plane.operator_kubeconfig())
            .env_remove("ROLLCALL_DIRECTORY")
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Operator { child, port, log }
    }

    #[track_caller]
    pub fn wait_ready(&self, seconds: u64) {
        within(seconds, || match self.probe("/readyz") {
            Some((200, text)) if text.contains("leading") => Ok(()),
            answer => Err(format!("{answer:?}\n{}", self.log())),
        });
    }

    /// What a probe answers: the code and the text; nothing if nobody answers.
    pub fn probe(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let code = answer.split_whitespace().nth(1)?.parse().ok()?;
        Some((code, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }

    pub fn is_leading(&self) -> bool {
        self.probe("/readyz").is_some_and(|(code, text)| code == 200 && text.contains("leading"))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Any signal, by its name.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// SIGTERM, as a cluster ends it; the exit code.
    pub fn end(mut self) -> i32 {
        self.signal("TERM");
        within(20, || match self.child.try_wait().unwrap() {
            Some(status) => Ok(status.code().unwrap_or(-1)),
            None => Err("the operator runs on"),
        })
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let ended = self.child.try_wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            if let Ok(Some(status)) = ended {
                eprintln!("the operator had ended: {status}");
            }
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the operator's last lines:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}
