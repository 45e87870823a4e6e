//! `anteroom vm`: list, show with timeline, console, put to disk, wake, remove.

use serde_json::{Value, json};

use super::{
    args::VmCommand,
    client::Client,
    exit::{Exit, Problem},
    show, vm_name,
};

pub(super) async fn run(command: &VmCommand, client: &Client) -> Result<Exit, Problem> {
    match command {
        VmCommand::Ls { json } => list(*json, client).await?,
        VmCommand::Show { id, json } => {
            let vm = find(client, id).await?;
            if *json { show::json(&vm)? } else { print(&vm) }
        }
        VmCommand::Console { id } => {
            let vm = show::text(&find(client, id).await?, "id");
            show::line(client.text(&format!("/api/admin/vm/{vm}/console")).await?.trim_end());
        }
        VmCommand::Hibernate { ids } => tell(client, ids, "hibernate", "hibernates").await?,
        VmCommand::Wake { ids } => tell(client, ids, "wake", "is awake").await?,
        VmCommand::Rm { ids } => {
            for id in ids {
                let vm = show::text(&find(client, id).await?, "id");
                client.delete(&format!("/api/vms/{vm}")).await?;
                show::line(format_args!("VM {vm} removed"));
            }
        }
    }
    Ok(Exit::Ok)
}

async fn tell(client: &Client, ids: &[String], what: &str, done: &str) -> Result<(), Problem> {
    for id in ids {
        let vm = show::text(&find(client, id).await?, "id");
        client.post(&format!("/api/vms/{vm}/{what}"), &json!({})).await?;
        show::line(format_args!("VM {vm} {done}"));
    }
    Ok(())
}

async fn list(json: bool, client: &Client) -> Result<(), Problem> {
    let vms = client.get("/api/vms").await?["vms"].take();
    if json {
        return show::json(&vms);
    }
    let mut table = show::table(&["VM", "TYPE", "STATUS", "SHAPE", "STARTED", "CAUSE"]);
    for vm in vms.as_array().into_iter().flatten() {
        table.add_row([
            show::text(vm, "id"),
            show::text(vm, "type"),
            show::text(vm, "phase"),
            format!("{} vCPU, {} MiB", vm["vcpus"], vm["memory_mib"]),
            show::ago(vm, "created_at"),
            show::clipped(&show::text(vm, "error")),
        ]);
    }
    show::line(table);
    Ok(())
}

fn print(vm: &Value) {
    for (name, field) in [
        ("VM", "id"),
        ("type", "type"),
        ("status", "phase"),
        ("session", "session_id"),
        ("image", "image_digest"),
        ("started", "created_at"),
        ("ended", "ended_at"),
        ("cause", "error"),
    ] {
        let value = show::text(vm, field);
        if !value.is_empty() {
            show::line(format_args!("{name:<9}{value}"));
        }
    }
    show::line(format_args!("{:<9}{} vCPU, {} MiB", "shape", vm["vcpus"], vm["memory_mib"]));
    if let Some(waits) = show::waits(vm) {
        show::line(format_args!("{:<9}{waits}", "waits"));
    }
    if let Some(origin) = origin(&vm["origin"]) {
        show::line(format_args!("{:<9}{origin}", "begun"));
    }
    let none_ready = show::text(vm, "none_ready");
    if !none_ready.is_empty() {
        show::line(format_args!("{:<9}no VM was ready: {none_ready}", ""));
    }
    for detail in vm["failure"]["detail_lines"].as_array().into_iter().flatten() {
        show::line(format_args!("         {}", detail.as_str().unwrap_or_default()));
    }
    print_services(vm);
    print_timeline(vm);
}

/// What the VM began with.
fn origin(origin: &Value) -> Option<String> {
    match show::text(origin, "from").as_str() {
        "boot" => Some(format!("by a boot: {}", show::text(origin, "because"))),
        "snapshot" => Some(format!("with the snapshot {}", show::text(origin, "key"))),
        "pool" => {
            let begun = self::origin(&origin["begun"]).unwrap_or_default();
            Some(format!("before it was asked for ({} s), {begun}", origin["waited_s"]))
        }
        _ => None,
    }
}

fn print_services(vm: &Value) {
    let services = vm["services"].as_array().filter(|services| !services.is_empty());
    let Some(services) = services else { return };
    let mut table = show::table(&["SERVICE", "STATE", "RESTARTS"]);
    show::align_right(&mut table, 2);
    for service in services {
        table.add_row([
            show::text(service, "name"),
            show::text(&service["state"], "is"),
            service["restarts"].to_string(),
        ]);
    }
    show::line(format_args!("\n{table}"));
}

/// When what happened: since the request, and since the mark before.
fn print_timeline(vm: &Value) {
    let marks = vm["timeline"].as_array().filter(|marks| !marks.is_empty());
    let Some(marks) = marks else { return };
    let mut table = show::table(&["SINCE REQUEST", "STEP", "EVENT"]);
    show::align_right(&mut table, 0);
    show::align_right(&mut table, 1);
    let mut before = 0.0;
    for mark in marks {
        let since = mark["since_request_ms"].as_f64().unwrap_or_default();
        table.add_row([
            milliseconds(since),
            format!("+{}", milliseconds(since - before)),
            show::text(mark, "name"),
        ]);
        before = since;
    }
    show::line(format_args!("\n{table}"));
}

fn milliseconds(ms: f64) -> String {
    format!("{ms:.0} ms")
}

async fn find(client: &Client, name: &str) -> Result<Value, Problem> {
    let id = vm_name::resolve(client, name).await?;
    Ok(client.get(&format!("/api/vms/{id}")).await?["vm"].take())
}
