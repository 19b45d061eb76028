//! The driver's description of what it sees of the servers, in words for whoever reads a log.

/// What comes before the servers in the driver's description.
const SET_NAME: &str = "Set Name: ";
const ADDRESS: &str = "Address: ";

/// Says which servers were tried and what each answered. A text of another form comes back as it is.
pub(super) fn no_server(message: &str) -> String {
    let Some((_, topology)) = message.split_once("Topology: ") else { return message.to_owned() };
    let servers: Vec<String> = topology.split(ADDRESS).skip(1).map(server).collect();
    if !servers.is_empty() {
        return format!("no suitable server was found: {}", servers.join("; "));
    }
    match topology.split_once(SET_NAME).map(|(_, rest)| until(rest, &[",", " }"])) {
        Some(set) => {
            format!("no suitable server was found: none of the hosts belongs to the replica set \"{set}\"")
        }
        None => message.to_owned(),
    }
}

fn server(description: &str) -> String {
    let address = until(description, &[", Type: "]);
    match description.split_once("Error: ") {
        Some((_, error)) => {
            let error = until(error, &[", labels:", ", source:", " }"]);
            format!("{address}: {}", error.strip_prefix("Kind: ").unwrap_or(error))
        }
        None => {
            let role = description.split_once("Type: ").map_or("", |(_, rest)| until(rest, &[",", " }"]));
            format!("{address}: {role}")
        }
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
            "no suitable server was found: 127.0.0.1:1: I/O error: Connection refused (os error 111); b:2: RsSecondary"
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
    fn what_has_another_form_stays() {
        assert_eq!(no_server("something else"), "something else");
    }
}
