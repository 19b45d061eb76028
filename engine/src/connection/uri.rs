//! Connection strings, as the driver reads them.

use mongodb::{error::ErrorKind, options::ConnectionString};

use super::error::ConnectionError;
use crate::base::error::in_words;

/// A connection string, as the driver reads it. The only way to it: strings that break it are refused first.
pub(super) fn parse(uri: &str) -> Result<ConnectionString, ConnectionError> {
    let refused =
        |why: String| ConnectionError::new("uri", format!("is not a valid connection string: {why}"));
    // A reserved character in a password moves the borders of the parts that follow, and messages quote those.
    let after_scheme = uri.split_once("://").map_or("", |(_, rest)| rest);
    let (user_info, _) = after_scheme.rsplit_once('@').unwrap_or_default();
    let is_encoded =
        |part: &str| part.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if user_info.contains(['/', '?', '#', '[', ']', '@', '&'])
        || user_info.matches(':').count() > 1
        // The driver breaks at a percent sign before a character that is not ASCII.
        || !user_info.split('%').skip(1).all(is_encoded)
    {
        return Err(refused("user name and password must be percent-encoded".to_owned()));
    }
    let unread = |kind: &ErrorKind| {
        match plain(kind) {
        // A password without its @ is taken for an address, or for a part of one.
        why if why.starts_with("invalid server address") => refused(
            "an address in it cannot be read: it must be a host or host:port, and user name and password must end with @"
                .to_owned(),
        ),
        why => refused(why),
    }
    };
    ConnectionString::parse(uri).map_err(|error| unread(&error.kind)).map(|mut target| {
        // Refused by the driver, and of no use here: every operation of the engine has a bound of its own.
        #[allow(deprecated)]
        {
            target.socket_timeout = None;
        }
        target
    })
}

/// The driver's message without a frame, and without the few quotes that could hold a secret.
pub(super) fn plain(kind: &ErrorKind) -> String {
    let message = match kind {
        ErrorKind::InvalidArgument { message, .. } | ErrorKind::InvalidTlsConfig { message, .. } => {
            message.clone()
        }
        other => in_words::of(other),
    };
    // The driver forgets to fill these in.
    match message.as_str() {
        "cannot set {key}={tls} if other TLS options are set" => {
            return "tls=false, or ssl=false, contradicts the other TLS options".to_owned();
        }
        "cannot set {key}={tls} if TLS is disabled" => {
            return "tls, or ssl, is set both to true and to false".to_owned();
        }
        _ => {}
    }
    for quoting in
        ["connection string option is not a 'key=value' pair", "each entry in authMechanismProperties"]
    {
        if message.starts_with(quoting) {
            return format!("{quoting} as it should be");
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradicting_tls_options_are_told_in_words() {
        for (options, expected) in [
            ("tlsInsecure=true&tls=false", "tls=false, or ssl=false, contradicts the other TLS options"),
            ("tls=false&ssl=true", "tls, or ssl, is set both to true and to false"),
        ] {
            let error =
                parse(&format!("mongodb://user:secret@host/?{options}")).expect_err("they contradict");
            let text = error.to_string();
            assert!(text.contains(expected), "{options}: {text}");
            assert!(!text.contains(['{', '}']) && !text.contains("secret"), "{options}: {text}");
        }
    }
}
