//! A real mail server (Inbucket) for one scenario: takes mail, shows it, can be stopped and started again, and refuses
//! what goes to `refused.example`. Ends with the value, whatever happens. Used by the tests of mails.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A domain to which the server takes no mail: 550.
pub const REFUSED: &str = "refused.example";

/// A mail server, and what it took.
pub struct Post {
    smtp: u16,
    web: u16,
    pop: u16,
    server: Option<Child>,
    folder: TempDir,
}

/// A mail as the server shows it.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub body: String,
    pub headers: Value,
}

impl Mail {
    /// A header's first value.
    pub fn header(&self, name: &str) -> &str {
        self.headers[name][0].as_str().unwrap_or_default()
    }

    /// What follows this beginning in the text, up to the next space or line.
    pub fn link(&self, beginning: &str) -> String {
        let (_, rest) = self.body.split_once(beginning).unwrap_or_else(|| panic!("no {beginning} in {}", self.body));
        rest.split_whitespace().next().unwrap_or_default().to_owned()
    }
}

impl Post {
    /// Starts a server on ports of its own.
    pub fn start() -> Post {
        let ports: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port")).collect();
        let port = |index: usize| ports[index].local_addr().expect("its number").port();
        let (smtp, web, pop) = (port(0), port(1), port(2));
        drop(ports);
        let folder = tempfile::Builder::new().prefix("rollcall-post-").tempdir().expect("a scratch folder");
        let mut post = Post { smtp, web, pop, server: None, folder };
        post.restart();
        post
    }

    /// Starts it again, on the same ports; what it took before is still there.
    pub fn restart(&mut self) {
        self.stop();
        let at = |port: u16| format!("127.0.0.1:{port}");
        // With the test, however that ends.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program());
        command
            .env("INBUCKET_SMTP_ADDR", at(self.smtp))
            .env("INBUCKET_WEB_ADDR", at(self.web))
            .env("INBUCKET_POP3_ADDR", at(self.pop))
            .env("INBUCKET_SMTP_REJECTDOMAINS", REFUSED)
            .env("INBUCKET_MAILBOXNAMING", "full")
            .env("INBUCKET_STORAGE_TYPE", "file")
            .env("INBUCKET_STORAGE_PARAMS", format!("path:{}", self.folder.path().display()));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.server = Some(command.spawn().expect("the mail server starts"));
        let deadline = Instant::now() + Duration::from_secs(20);
        while [self.smtp, self.web].iter().any(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_err()) {
            assert!(Instant::now() < deadline, "the mail server did not come up");
            sleep(Duration::from_millis(20));
        }
    }

    /// Stops it: nobody answers any more.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("the mail server ends");
            server.wait().expect("the mail server is reaped");
        }
    }

    /// Where it takes mail.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.smtp)
    }

    /// The mails to an address, oldest first.
    pub fn mails(&self, address: &str) -> Vec<Mail> {
        let list = self.get(&format!("/api/v1/mailbox/{address}"));
        let ids = list.as_array().into_iter().flatten().map(|mail| mail["id"].as_str().expect("an ID").to_owned());
        ids.map(|id| {
            let mail = self.get(&format!("/api/v1/mailbox/{address}/{id}"));
            Mail {
                to: address.to_owned(),
                subject: mail["subject"].as_str().unwrap_or_default().to_owned(),
                body: mail["body"]["text"].as_str().unwrap_or_default().to_owned(),
                headers: mail["header"].clone(),
            }
        })
        .collect()
    }

    /// The subjects of the mails to an address, oldest first.
    pub fn subjects(&self, address: &str) -> Vec<String> {
        self.mails(address).into_iter().map(|mail| mail.subject).collect()
    }

    fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.web)).expect("the mail server answers");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("it is asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The server's program, built once.
fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/smtp.sh");
        let output = Command::new(&script).stderr(Stdio::inherit()).output().expect("tools/smtp.sh runs");
        assert!(output.status.success(), "tools/smtp.sh failed");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    })
}
