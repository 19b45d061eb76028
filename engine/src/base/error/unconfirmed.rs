//! Writes that the server has applied, and could not confirm as the write concern asks.

use mongodb::bson::{Bson, Document};

use super::{Error, ErrorKind};

/// The replica set knows no mode of this name, or has too few members: waiting changes neither.
const NEVER_CONFIRMED: [i32; 2] = [79, 100];
/// The parts of a write concern that the app chose.
const SETTINGS: [&str; 3] = ["w", "j", "wtimeout"];

impl Error {
    /// The primary has the write, and may yet have to take it back.
    pub(crate) fn unconfirmed(code: i32, name: &str, message: &str, details: Option<&Document>) -> Self {
        let concern = details
            .and_then(|details| details.get_document("writeConcern").ok())
            .map_or_else(String::new, |concern| format!(" {}", in_words(concern)));
        let text = format!(
            "the server could not confirm a write as its write concern{concern} asks: {}; the write may be stored",
            reason(code, name, message)
        );
        let transient = !NEVER_CONFIRMED.contains(&code);
        Self { kind: ErrorKind::WriteFailed, message: text, server_code: Some(code), transient }
    }

    /// No write can be confirmed under this write concern, so none was made.
    pub(crate) fn never_confirmed(&self, concern: &Document) -> Self {
        let reply = self.to_string();
        let why = reply.split_once(" asks: ").map_or(reply.as_str(), |(_, rest)| rest);
        let why = why.strip_suffix("; the write may be stored").unwrap_or(why);
        let message = format!(
            "no write can be confirmed as the write concern {} asks: {why}; nothing was written",
            in_words(concern)
        );
        Self { kind: ErrorKind::WriteFailed, message, server_code: self.server_code, transient: false }
    }

    /// True if the server can't confirm writes as they are asked to be, however long it is given.
    pub(crate) fn is_never_confirmed(&self) -> bool {
        self.kind == ErrorKind::WriteFailed && !self.transient
    }
}

fn reason(code: i32, name: &str, message: &str) -> String {
    if name.is_empty() {
        format!("{message} (code {code})")
    } else {
        format!("{message} (code {code}, {name})")
    }
}

fn in_words(concern: &Document) -> String {
    let settings = SETTINGS.iter().filter_map(|name| concern.get(name).map(|value| (name, value)));
    let settings: Vec<String> = settings
        .map(|(name, value)| match value {
            Bson::String(text) => format!("{name}: \"{text}\""),
            other => format!("{name}: {other}"),
        })
        .collect();
    format!("{{ {} }}", settings.join(", "))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn the_text_holds_the_write_concern_and_the_servers_reason() {
        let details = doc! { "writeConcern": { "w": 3, "wtimeout": 300, "provenance": "clientSupplied" } };
        let error = Error::unconfirmed(64, "WriteConcernTimeout", "waiting timed out", Some(&details));
        assert_eq!(
            error.to_string(),
            "the server could not confirm a write as its write concern { w: 3, wtimeout: 300 } asks: waiting timed \
             out (code 64, WriteConcernTimeout); the write may be stored"
        );
        assert!(error.is_transient(), "the members may catch up");
        assert_eq!((error.kind(), error.server_code()), (ErrorKind::WriteFailed, Some(64)));
    }

    #[test]
    fn a_mode_that_does_not_exist_is_not_tried_again() {
        let error = Error::unconfirmed(79, "", "No write concern mode named \"x\"", None);
        assert!(error.is_never_confirmed());
        assert_eq!(
            error.never_confirmed(&doc! { "w": "x" }).to_string(),
            "no write can be confirmed as the write concern { w: \"x\" } asks: No write concern mode named \"x\" \
             (code 79); nothing was written"
        );
    }
}
