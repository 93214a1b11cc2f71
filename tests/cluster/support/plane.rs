//! A control plane: etcd, kube-apiserver and kube-controller-manager on free ports, started in seconds and ended
//! by process id, whatever happens to the test.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use super::{HOME, within};

/// One call that the API server answered.
#[derive(Clone, Debug)]
pub struct Request {
    pub user: String,
    pub verb: String,
    pub resource: String,
    pub subresource: String,
    pub name: String,
    pub code: i64,
    /// Whether it changed something.
    pub at: String,
}

pub struct Plane {
    tools: PathBuf,
    folder: TempDir,
    port: u16,
    etcd: Child,
    server: Mutex<Child>,
    manager: Child,
}

/// A process that is killed when the thread that started it ends, also when nobody is left to do so.
fn process(program: &Path, log: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    let log = File::options().create(true).append(true).open(log).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command
}

/// A port that nobody has. Below those that the kernel hands out to clients, and never the same twice.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let spread = u16::try_from(std::process::id() % 100).unwrap_or_default() * 100;
        let port = 20_000 + (spread + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Plane {
    /// Starts one, with the CRDs and the chart's ServiceAccount and rights.
    pub fn start() -> Plane {
        let plane = Plane::bare();
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/rollcall");
        plane.helm(&["install", "rollcall", &chart.display().to_string(), "-n", HOME, "--create-namespace"]);
        plane.kubectl(&["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
        plane
    }

    /// Starts one that has never heard of Rollcall.
    pub fn bare() -> Plane {
        let tools = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let tools =
            tools.filter(|tools| tools.join("kube-apiserver").exists()).expect("run `make test`: it builds the control plane");
        let folder = tempfile::Builder::new().prefix("rollcall-cluster-").tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("tokens"), "admin-token,admin,admin,system:masters\n").unwrap();
        let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n";
        fs::write(path("audit-policy.yaml"), policy).unwrap();
        let key =
            Command::new("openssl").args(["genrsa", "-out"]).arg(path("sa.key")).arg("2048").output().expect("openssl is there");
        assert!(key.status.success(), "{key:?}");

        let (client_port, peer_port, port) = (free_port(), free_port(), free_port());
        let client_url = format!("http://127.0.0.1:{client_port}");
        let peer_url = format!("http://127.0.0.1:{peer_port}");
        let etcd = process(&tools.join("etcd"), &path("etcd.log"))
            .args(["--unsafe-no-fsync", "--name=test", "--log-level=error", "--data-dir"])
            .arg(path("etcd"))
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
            .args(["--initial-cluster", &format!("test={peer_url}")])
            .spawn()
            .unwrap();
        let server = serve(&tools, folder.path(), &client_url, port);
        fs::write(path("etcd.url"), &client_url).unwrap();
        write_kubeconfig(&path("admin.kubeconfig"), port, "admin-token");
        let manager = process(&tools.join("kube-controller-manager"), &path("manager.log"))
            .arg(format!("--kubeconfig={}", path("admin.kubeconfig").display()))
            .arg(format!("--service-account-private-key-file={}", path("sa.key").display()))
            .args([
                "--controllers=namespace-controller,garbage-collector-controller,serviceaccount-controller,deployment-controller,replicaset-controller,disruption-controller",
                "--leader-elect=false",
                "--secure-port=0",
                "--use-service-account-credentials",
            ])
            .spawn()
            .unwrap();
        let plane = Plane { tools, folder, port, etcd, server: Mutex::new(server), manager };
        plane.wait_until_ready();
        plane
    }

    fn wait_until_ready(&self) {
        within(60, || {
            let output = self.run("kubectl", &["get", "--raw", "/readyz"], "");
            let serving = output.status.success();
            let accounts =
                serving && self.run("kubectl", &["get", "serviceaccount", "default", "-n", "default"], "").status.success();
            if accounts { Ok(()) } else { Err(format!("{}\n{}", text(&output.stderr), self.log("server.log"))) }
        });
    }

    /// The end of a log, for what went wrong.
    pub fn log(&self, name: &str) -> String {
        let log = fs::read_to_string(self.path(name)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// One of the programs that the control plane came with.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.tools.join(name)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The API server goes away, as in an upgrade.
    pub fn stop_server(&self) {
        let mut server = self.server.lock().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// It answers nobody for so long.
    pub fn freeze_server(&self, time: std::time::Duration) {
        let id = self.server.lock().unwrap().id().to_string();
        let signal = |name| assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
        signal("STOP");
        std::thread::sleep(time);
        signal("CONT");
    }

    /// And comes back, with what etcd has.
    pub fn start_server(&self) {
        let etcd = fs::read_to_string(self.path("etcd.url")).unwrap();
        *self.server.lock().unwrap() = serve(&self.tools, self.folder.path(), &etcd, self.port);
        self.wait_until_ready();
    }

    /// A kubeconfig with the token of the chart's ServiceAccount.
    pub fn operator_kubeconfig(&self) -> PathBuf {
        let token = self.kubectl(&["create", "token", "rollcall", "-n", HOME]);
        let path = self.path("operator.kubeconfig");
        write_kubeconfig(&path, self.port, token.trim());
        path
    }

    fn run(&self, tool: &str, arguments: &[&str], stdin: &str) -> Output {
        let mut command = Command::new(self.tools.join(tool));
        command.env("KUBECONFIG", self.path("admin.kubeconfig")).env("HOME", self.folder.path()).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || pipe.write_all(stdin.as_bytes()).ok());
            child.wait_with_output().unwrap()
        })
    }

    /// kubectl with these arguments; what it printed. Panics if it failed.
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.run("kubectl", arguments, "");
        assert!(output.status.success(), "kubectl {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// kubectl with these arguments: what it printed, or what it said against it.
    pub fn try_kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.run("kubectl", arguments, "");
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// `kubectl apply -f -` with this YAML; the namespace is made if it is not there.
    #[track_caller]
    pub fn apply(&self, yaml: &str) -> String {
        let output = self.run("kubectl", &["apply", "-f", "-"], yaml);
        assert!(output.status.success(), "kubectl apply: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// kubectl with this YAML on standard input.
    #[track_caller]
    pub fn kubectl_with(&self, arguments: &[&str], yaml: &str) -> String {
        let output = self.run("kubectl", arguments, yaml);
        assert!(output.status.success(), "kubectl {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// The same, or what was said against it.
    pub fn try_kubectl_with(&self, arguments: &[&str], yaml: &str) -> Result<String, String> {
        let output = self.run("kubectl", arguments, yaml);
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    #[track_caller]
    pub fn helm(&self, arguments: &[&str]) -> String {
        let output = self.run("helm", arguments, "");
        assert!(output.status.success(), "helm {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    pub fn namespace(&self, name: &str) {
        within(30, || self.try_kubectl(&["create", "namespace", name]));
    }

    /// An object as JSON, if it is there.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let printed = self.try_kubectl(&["get", kind, name, "-n", namespace, "-o", "json"]).ok()?;
        serde_json::from_str(&printed).ok()
    }

    /// The condition `Ready` of an object: its status and reason.
    pub fn ready(&self, kind: &str, namespace: &str, name: &str) -> String {
        let Some(object) = self.get(kind, namespace, name) else { return "absent".to_owned() };
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap_or_default();
        format!("{} {}", ready["status"].as_str().unwrap_or("-"), ready["reason"].as_str().unwrap_or("-"))
    }

    /// A field of an object's status, as text.
    pub fn status(&self, kind: &str, namespace: &str, name: &str, field: &str) -> String {
        let object = self.get(kind, namespace, name).unwrap_or_default();
        let value = &object["status"][field];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// `kubectl wait --for=condition=Ready` of some objects, as `KIND/NAME`.
    #[track_caller]
    pub fn wait_ready(&self, namespace: &str, objects: &[&str]) {
        let mut arguments = vec!["wait", "--for=condition=Ready", "--timeout=60s", "-n", namespace];
        arguments.extend(objects);
        self.kubectl(&arguments);
    }

    /// The events of a namespace, a line each: `NAME REASON NOTE`.
    pub fn events(&self, namespace: &str) -> String {
        let line = "jsonpath={range .items[*]}{.regarding.name} {.reason} {.note}{'\\n'}{end}";
        self.kubectl(&["get", "events.events.k8s.io", "-n", namespace, "-o", line])
    }

    /// The calls of the operator that the API server answered so far.
    pub fn requests(&self) -> Vec<Request> {
        let log = fs::read_to_string(self.path("audit.log")).unwrap_or_default();
        log.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|event| event["user"]["username"] == format!("system:serviceaccount:{HOME}:rollcall"))
            .map(|event| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let object = &event["objectRef"];
                Request {
                    user: text(&event["user"]["username"]),
                    verb: text(&event["verb"]),
                    resource: text(&object["resource"]),
                    subresource: text(&object["subresource"]),
                    name: text(&object["name"]),
                    code: event["responseStatus"]["code"].as_i64().unwrap_or_default(),
                    at: text(&event["stageTimestamp"]),
                }
            })
            .collect()
    }

    /// The calls of the operator that write.
    pub fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| !matches!(request.verb.as_str(), "get" | "list" | "watch")).collect()
    }
}

fn serve(tools: &Path, folder: &Path, etcd: &str, port: u16) -> Child {
    let path = |name: &str| folder.join(name).display().to_string();
    process(&tools.join("kube-apiserver"), &folder.join("server.log"))
        .args([
            format!("--etcd-servers={etcd}"),
            format!("--cert-dir={}", path("certificates")),
            format!("--secure-port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", path("sa.key")),
            format!("--service-account-signing-key-file={}", path("sa.key")),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            format!("--token-auth-file={}", path("tokens")),
            format!("--audit-policy-file={}", path("audit-policy.yaml")),
            format!("--audit-log-path={}", path("audit.log")),
        ])
        .spawn()
        .unwrap()
}

fn write_kubeconfig(path: &Path, port: u16, token: &str) {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters: [{{name: test, cluster: {{server: 'https://127.0.0.1:{port}', insecure-skip-tls-verify: true}}}}]\n\
         users: [{{name: test, user: {{token: '{token}'}}}}]\n\
         contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\n"
    );
    fs::write(path, text).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Drop for Plane {
    fn drop(&mut self) {
        for child in [&mut self.manager, &mut *self.server.lock().unwrap(), &mut self.etcd] {
            let _ = child.kill();
            let _ = child.wait();
        }
        // Whoever looks into a failure sees why.
        if std::thread::panicking() {
            let manager = self.log("manager.log");
            eprintln!("the API server's last lines:\n{}\nthe controller manager's:\n{manager}", self.log("server.log"));
        }
    }
}
