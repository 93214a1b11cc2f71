//! How fast and how large on a cluster: the operator on a real control plane and PostgreSQL, against a bare client
//! that writes the same rows in bulk and sends the same statuses, as many at once, and nothing else; and a restart
//! with nothing changed, against a bare paged list. Ratios, measured in one run, against limits; the exit code is 1
//! where a limit is not kept. `make bench-cluster` runs it; arguments are sizes: cold, and unchanged.

#[path = "../tests/cluster/support/mod.rs"]
mod support;

mod bulk;
mod roster;

use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bulk::Rows;
use futures::{StreamExt, stream};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rollcall::api::{API_VERSION, GROUP, Kind, VERSION};
use rollcall::directory::{Absent, Directory as Opened};
use rollcall::manifests;
use serde_json::{Value, json};
use support::{Directory, Operator, Plane};
use tokio::runtime::Runtime;

/// As many patches at once as the operator sends.
const AT_ONCE: usize = 32;
const COLD: f64 = 1.25;
const READY: f64 = 2.0;
const MEMORY: f64 = 300.0;

fn main() -> ExitCode {
    // Processes end with the thread that started them: the harness runs on this one, and only calls go elsewhere.
    let runtime = Runtime::new().expect("a runtime");
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let (cold_size, unchanged_size) = (sizes.first().copied().unwrap_or(10_000), sizes.get(1).copied().unwrap_or(100_000));
    let mut kept = true;
    let mut limit = |what: &str, value: f64, most: f64| {
        if value > most {
            println!("  OVER THE LIMIT: {what} is {value:.2}, at most {most} is allowed");
            kept = false;
        }
    };

    let Cold { objects, statuses, rows, took: cold, usage } = cold(&runtime, cold_size);
    let bare = bare(&runtime, &objects, statuses, rows);
    let ratio = cold.as_secs_f64() / bare.as_secs_f64();
    println!(
        "cold       {cold_size:>7} members  operator {:>7.2} s  bare client {:>7.2} s  ratio {ratio:>5.2}  CPU {:>6.1} s  peak memory {:>4.0} MB",
        cold.as_secs_f64(),
        bare.as_secs_f64(),
        usage.cpu,
        usage.peak
    );
    limit("cold operator to bare client", ratio, COLD);

    if unchanged_size > 0 {
        let unchanged = unchanged(&runtime, unchanged_size);
        let ratio = unchanged.ready.as_secs_f64() / unchanged.list.as_secs_f64();
        println!(
            "unchanged  {unchanged_size:>7} members  ready in {:>7.2} s  bare list   {:>7.2} s  ratio {ratio:>5.2}  CPU {:>6.1} s  peak memory {:>4.0} MB  writes {}",
            unchanged.ready.as_secs_f64(),
            unchanged.list.as_secs_f64(),
            unchanged.usage.cpu,
            unchanged.usage.peak,
            unchanged.writes
        );
        limit("ready to bare list", ratio, READY);
        limit("peak memory in MB", unchanged.usage.peak, MEMORY);
        limit("writes after a restart with nothing changed", unchanged.writes as f64, 0.0);
    }
    println!("limits: cold {COLD} (10,000 members); ready {READY}, memory {MEMORY} MB, no writes (100,000 members)");
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a process used so far.
struct Usage {
    /// Seconds.
    cpu: f64,
    /// Megabytes.
    peak: f64,
}

fn usage(id: u32) -> Usage {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0);
    Usage { cpu: (ticks(11) + ticks(12)) / 100.0, peak: peak / 1024.0 }
}

/// An object, as it is created.
struct Object {
    kind: Kind,
    name: String,
    spec: Value,
}

fn roster_of(members: usize) -> Vec<Object> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    roster::write(folder.path(), members).expect("the roster is written");
    let roster = manifests::read(&[folder.path().to_owned()], "hr");
    assert!(roster.complaints.is_empty());
    roster
        .submissions
        .iter()
        .map(|submission| Object {
            kind: submission.key.kind,
            name: submission.key.handle.name.to_string(),
            spec: serde_json::from_str(&submission.spec).expect("a spec is JSON"),
        })
        .collect()
}

async fn client(plane: &Plane) -> Client {
    let config = Kubeconfig::read_from(plane.path("admin.kubeconfig")).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.expect("a configuration");
    Client::try_from(config).expect("a client")
}

fn api(client: &Client, kind: Kind) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, kind.name()), kind.plural());
    Api::namespaced_with(client.clone(), "hr", &resource)
}

/// A control plane with these objects.
fn filled(runtime: &Runtime, objects: &[Object]) -> (Plane, Client) {
    let plane = Plane::start();
    plane.namespace("hr");
    let client = runtime.block_on(client(&plane));
    runtime.block_on(create(&client, objects));
    (plane, client)
}

async fn create(client: &Client, objects: &[Object]) {
    stream::iter(objects)
        .for_each_concurrent(AT_ONCE, |object| {
            let api = api(client, object.kind);
            async move {
                let body = json!({
                    "apiVersion": API_VERSION, "kind": object.kind.name(), "metadata": {"name": object.name, "namespace": "hr"}, "spec": object.spec,
                });
                let body: DynamicObject = serde_json::from_value(body).expect("an object");
                api.create(&PostParams { field_manager: Some("bench".into()), ..PostParams::default() }, &body).await.expect("it is created");
            }
        })
        .await;
}

/// A roster that became accounts: the objects, what each was told, and the rows.
struct Cold {
    objects: Vec<Object>,
    statuses: Vec<(Kind, String, Value)>,
    rows: Rows,
    took: Duration,
    usage: Usage,
}

/// Runs the operator until every object has its status.
fn cold(runtime: &Runtime, members: usize) -> Cold {
    let objects = roster_of(members);
    let (plane, client) = filled(runtime, &objects);
    let directory = Directory::postgres();
    let started = Instant::now();
    let operator = Operator::spawn(&plane, &directory, &[]);
    wait_for_patches(&operator, objects.len());
    let took = started.elapsed();
    let usage = usage(operator.id());
    let mut statuses = Vec::new();
    for kind in Kind::ALL {
        let mut objects = Vec::new();
        runtime.block_on(pages(&client, kind, |page| objects.extend(page)));
        for object in objects {
            let status = object.data["status"].clone();
            if kind == Kind::Member {
                assert_eq!(status["conditions"][0]["status"], "True", "{:?}", object.metadata.name);
            }
            statuses.push((kind, object.metadata.name.unwrap_or_default(), status));
        }
    }
    let rows = runtime.block_on(rows(directory.url()));
    Cold { objects, statuses, rows, took, usage }
}

async fn rows(url: &str) -> Rows {
    let opened = Opened::open(url.parse().expect("an address"), Absent::Refuse).await.expect("the directory opens");
    let rows = bulk::rows(&opened).await;
    opened.close().await;
    rows
}

/// Until so many statuses are there, by the operator's count; the caller looks for itself afterwards.
fn wait_for_patches(operator: &Operator, wanted: usize) {
    while patches(operator) < wanted {
        sleep(Duration::from_millis(50));
    }
}

/// How many statuses the operator has written.
fn patches(operator: &Operator) -> usize {
    let metrics = operator.probe("/metrics").map(|(_, text)| text).unwrap_or_default();
    let written = metrics.lines().find_map(|line| line.strip_prefix("rollcall_status_patches_total{by=\"written\"} "));
    written.and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// Lists every object of a kind, page by page.
async fn pages(client: &Client, kind: Kind, mut take: impl FnMut(Vec<DynamicObject>)) {
    let (api, mut parameters) = (api(client, kind), ListParams::default().limit(500));
    loop {
        let page = api.list(&parameters).await.expect("a list");
        take(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return,
        }
    }
}

/// The same rows in bulk, the same statuses, as many at once, and nothing else.
fn bare(runtime: &Runtime, objects: &[Object], statuses: Vec<(Kind, String, Value)>, rows: Rows) -> Duration {
    let (_plane, client) = filled(runtime, objects);
    let directory = Directory::postgres();
    runtime.block_on(async {
        let opened = bulk::empty(directory.url()).await;
        let started = Instant::now();
        bulk::insert(&opened, rows).await;
        stream::iter(&statuses)
            .for_each_concurrent(AT_ONCE, |(kind, name, status)| {
                let api = api(&client, *kind);
                async move {
                    let patch = Patch::Merge(json!({ "status": status }));
                    api.patch_status(name, &PatchParams::default(), &patch).await.expect("it is told");
                }
            })
            .await;
        let took = started.elapsed();
        opened.close().await;
        took
    })
}

/// A restart with nothing changed.
struct Unchanged {
    ready: Duration,
    list: Duration,
    usage: Usage,
    writes: usize,
}

fn unchanged(runtime: &Runtime, members: usize) -> Unchanged {
    let objects = roster_of(members);
    let (plane, client) = filled(runtime, &objects);
    let directory = Directory::postgres();
    let operator = Operator::spawn(&plane, &directory, &[]);
    wait_for_patches(&operator, objects.len());
    // Figures are told as well, so there may be more to write than there are objects.
    let mut settled = patches(&operator);
    loop {
        sleep(Duration::from_secs(15));
        let now = patches(&operator);
        if std::mem::replace(&mut settled, now) == now {
            break;
        }
    }
    assert_eq!(operator.end(), 0);
    let revisions = "SELECT CAST(sum(revision) AS TEXT) || ' ' || (SELECT count(*) FROM audit) FROM members";
    let (writes, before) = (plane.writes().len(), directory.rows(revisions));

    let listed = Instant::now();
    runtime.block_on(async {
        for kind in Kind::ALL {
            pages(&client, kind, drop).await;
        }
    });
    let list = listed.elapsed();
    let started = Instant::now();
    let operator = Operator::spawn(&plane, &directory, &[]);
    operator.wait_ready(600);
    let ready = started.elapsed();
    sleep(Duration::from_secs(15));
    let usage = usage(operator.id());
    assert_eq!(directory.rows(revisions), before, "the directory was written to");
    Unchanged { ready, list, usage, writes: plane.writes().len() - writes }
}
