//! The driver's errors, in words for the readers of a log: the driver shows some as it prints its own structures.

use mongodb::error::{ErrorKind as DriverKind, WriteFailure};

/// The text before the servers in the driver's description.
const SET_NAME: &str = "Set Name: ";
const ADDRESS: &str = "Address: ";

/// The text of an error, without its labels and the server's whole reply, which may quote a job.
pub(crate) fn of(kind: &DriverKind) -> String {
    match kind {
        DriverKind::ServerSelection { message, .. } => no_server(message),
        DriverKind::DnsResolve { message, .. } => format!("the DNS lookup failed: {}", records(message)),
        DriverKind::InvalidArgument { message, .. } => message.clone(),
        DriverKind::Write(WriteFailure::WriteError(error)) => {
            format!("the server refused a write: {} (code {})", error.message, error.code)
        }
        // The driver prints them with their whole contents.
        DriverKind::Write(_)
        | DriverKind::InsertMany(_)
        | DriverKind::BulkWrite(_)
        | DriverKind::GridFs(_) => "the server refused a write".to_owned(),
        other => other.to_string(),
    }
}

/// Names the records that a lookup was for. A text of another form comes back as it is.
fn records(message: &str) -> String {
    let Some((before, query)) = message.split_once("Query {") else { return message.to_owned() };
    let name = query.split_once("Name(\"").map(|(_, rest)| until(rest, &["\""]));
    let kind = query.split_once("query_type: ").map(|(_, rest)| until(rest, &[",", " }"]));
    let rest = query.split_once(" }").map_or("", |(_, rest)| rest);
    match (name, kind) {
        (Some(name), Some(kind)) => format!("{before}{name} ({kind}){rest}"),
        _ => format!("{}{rest}", before.trim_end().trim_end_matches(" for")),
    }
}

/// Says which servers were tried, with each answer. A text of another form comes back as it is.
fn no_server(message: &str) -> String {
    let Some((_, topology)) = message.split_once("Topology: ") else { return message.to_owned() };
    let servers: Vec<String> = topology.split(ADDRESS).skip(1).map(server).collect();
    if !servers.is_empty() {
        return format!("no suitable server was found: {}", servers.join("; "));
    }
    match topology.split_once(SET_NAME).map(|(_, rest)| until(rest, &[",", " }"])) {
        Some(set) => {
            format!("no suitable server was found: none of the hosts belongs to the replica set \"{set}\"")
        }
        None => "no suitable server was found: no host is known".to_owned(),
    }
}

fn server(description: &str) -> String {
    let address = until(description, &[", Type: "]);
    match description.split_once("Error: ") {
        Some((_, error)) => {
            let error = records(until(error, &[", labels:", ", source:"]));
            let error = until(&error, &[" }"]);
            format!("{address}: {}", error.strip_prefix("Kind: ").unwrap_or(error))
        }
        None => {
            let role = description.split_once("Type: ").map_or("", |(_, rest)| until(rest, &[",", " }"]));
            format!("{address}: {}", in_plain(role))
        }
    }
}

/// A role as people call it.
fn in_plain(role: &str) -> &str {
    match role {
        "RsPrimary" => "the primary",
        "RsSecondary" => "a secondary",
        "RsArbiter" => "an arbiter",
        "RsOther" => "a member that is not ready, or hidden",
        "RsGhost" => "a member of a replica set that is not initiated",
        "Mongos" => "a mongos",
        "Standalone" => "a standalone server",
        "LoadBalancer" => "a load balancer",
        "Unknown" => "no answer yet",
        other => other,
    }
}

fn until<'a>(text: &'a str, ends: &[&str]) -> &'a str {
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_named_with_what_is_wrong_with_it() {
        let message = "Server selection timeout: No available servers. Topology: { Type: Unknown, Servers: [ \
                       { Address: 127.0.0.1:1, Type: Unknown, Error: Kind: I/O error: Connection refused (os error \
                       111), labels: {\"A\", \"B\"}, source: None }, { Address: b:2, Type: RsSecondary, Average RTT: \
                       1ms } ] }";
        assert_eq!(
            no_server(message),
            "no suitable server was found: 127.0.0.1:1: I/O error: Connection refused (os error 111); b:2: a secondary"
        );
    }

    #[test]
    fn hosts_of_another_set_are_told_from_hosts_that_are_down() {
        let message = "Server selection timeout: No available servers. Topology: { Type: ReplicaSetNoPrimary, Set \
                       Name: rsX, Max Set Version: None, Servers: [  ] }";
        assert_eq!(
            no_server(message),
            "no suitable server was found: none of the hosts belongs to the replica set \"rsX\""
        );
    }

    #[test]
    fn text_of_another_form_stays() {
        assert_eq!(no_server("something else"), "something else");
    }

    #[test]
    fn a_lookup_without_records_names_them_in_words() {
        let query = "no records found for Query { name: Name(\"_mongodb._tcp.db.example.\"), query_type: SRV, \
                     query_class: IN }";
        assert_eq!(
            records(&format!("DNS error: {query}")),
            "DNS error: no records found for _mongodb._tcp.db.example. (SRV)"
        );
        let selection = format!(
            "Server selection timeout: No available servers. Topology: {{ Type: Unknown, Servers: [ {{ Address: a:1, \
             Type: Unknown, Error: Kind: An error occurred during DNS resolution: {query}, labels: {{}}, source: None \
             }} ] }}"
        );
        assert_eq!(
            no_server(&selection),
            "no suitable server was found: a:1: An error occurred during DNS resolution: no records found for \
             _mongodb._tcp.db.example. (SRV)"
        );
    }

    #[test]
    fn a_topology_without_hosts_is_not_printed() {
        let message =
            "Server selection timeout: No available servers. Topology: { Type: Unknown, Servers: [  ] }";
        assert_eq!(no_server(message), "no suitable server was found: no host is known");
    }
}
