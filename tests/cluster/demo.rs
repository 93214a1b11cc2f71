//! `make demo`: a control plane, the operator with the chart's rights, and a roster to play with, until Ctrl-C.

#[path = "support/mod.rs"]
mod support;

use support::{Directory, Operator, Plane, program, within};

fn main() {
    let (plane, directory) = (Plane::start(), Directory::sqlite());
    let operator = Operator::start(&plane, &directory);
    plane.namespace("acme");
    plane.kubectl(&["apply", "-k", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/acme")]);
    within(60, || {
        let phases = plane.kubectl(&[
            "get",
            "members",
            "-n",
            "acme",
            "-o",
            "jsonpath={range .items[*]}{.status.observedGeneration}{'\\n'}{end}",
        ]);
        if phases.lines().all(|generation| !generation.is_empty()) { Ok(()) } else { Err("not all members have a status yet") }
    });
    let (config, tool, url) = (plane.path("admin.kubeconfig"), plane.tool("kubectl"), directory.url());
    println!("\n$ kubectl get members -n acme\n{}", plane.kubectl(&["get", "members", "-n", "acme"]));
    println!(
        "A control plane runs, and the operator beside it; `examples/acme` was applied with kubectl. In another terminal:

  export KUBECONFIG={} ROLLCALL_DIRECTORY={url}
  alias kubectl={}

  kubectl get members,organizations,tenants -n acme
  kubectl patch member jiwoo -n acme --type merge -p '{{\"spec\": {{\"suspended\": true}}}}'     suspended, and signed out
  kubectl delete member jiwoo -n acme                   after three seconds: deleted, restorable for its grace
  kubectl apply -k examples/acme                        the same person again, with the same uid
  kubectl patch member jiwoo -n acme --type merge -p \"{{\\\"spec\\\": {{\\\"leaveOfAbsence\\\": {{\\\"from\\\": \\\"$(date -u -d '+1 min' +%FT%TZ)\\\"}}}}}}\"
  kubectl get members -n acme -w                        … and in a minute on leave, by itself
  kubectl get events -n acme                            what happened
  {} history                    the trail

Ctrl-C ends all of it, and leaves nothing behind.",
        config.display(),
        tool.display(),
        program().display(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(tokio::signal::ctrl_c()).expect("Ctrl-C is heard");
    println!("\nending");
    drop((operator, directory, plane));
}
