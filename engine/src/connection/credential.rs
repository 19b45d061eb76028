//! The credentials of the client.

use std::str::FromStr;

use mongodb::{
    bson::doc,
    options::{AuthMechanism, ConnectionString, Credential},
};

use super::{error::ConnectionError, settings::ConnectionSettings};

/// Sets the credential, on top of a connection string's.
pub(super) fn apply(
    target: &mut ConnectionString,
    settings: &ConnectionSettings,
) -> Result<(), ConnectionError> {
    if !names_a_user(settings) {
        return Ok(());
    }
    let mut credential = target.credential.take().unwrap_or_default();
    overlay(&mut credential.username, settings.username.as_ref());
    overlay(&mut credential.password, settings.password.as_ref());
    overlay(&mut credential.source, settings.auth_source.as_ref());
    if let Some(name) = &settings.auth_mechanism {
        credential.mechanism = Some(mechanism(name)?);
    }
    if let Some(token) = &settings.aws_session_token {
        credential.mechanism_properties = Some(doc! { "AWS_SESSION_TOKEN": token.as_str() });
    }
    complete(&credential)?;
    target.credential = Some(credential);
    Ok(())
}

/// An `authSource` alone asks for no authentication.
fn names_a_user(settings: &ConnectionSettings) -> bool {
    settings.username.is_some() || settings.auth_mechanism.is_some()
}

fn overlay(field: &mut Option<String>, value: Option<&String>) {
    if value.is_some() {
        *field = value.cloned();
    }
}

fn mechanism(name: &str) -> Result<AuthMechanism, ConnectionError> {
    let refused = |why: &str| ConnectionError::new("authMechanism", format!("({name}) {why}"));
    if name == "MONGODB-AWS" && !cfg!(feature = "aws-auth") {
        return Err(refused(
            "is not compiled into this build of the addon, as it is into the published ones: build with the cargo \
             feature aws-auth",
        ));
    }
    let mechanism = AuthMechanism::from_str(name).map_err(|_| refused("is not supported by the engine"))?;
    match mechanism {
        AuthMechanism::ScramSha1
        | AuthMechanism::ScramSha256
        | AuthMechanism::MongoDbX509
        | AuthMechanism::Plain => Ok(mechanism),
        #[cfg(feature = "aws-auth")]
        AuthMechanism::MongoDbAws => Ok(mechanism),
        AuthMechanism::MongoDbOidc => Err(refused("needs a callback, which can't be carried over")),
        _ => Err(refused("is not supported by the engine")),
    }
}

fn complete(credential: &Credential) -> Result<(), ConnectionError> {
    let Some(mechanism) = &credential.mechanism else {
        return match (&credential.username, &credential.password) {
            (Some(_), Some(_)) => Ok(()),
            (Some(_), None) => Err(ConnectionError::new("password", "is missing")),
            (None, _) => Err(ConnectionError::new("username", "is missing")),
        };
    };
    mechanism.validate_credential(credential).map_err(|error| {
        ConnectionError::new("authMechanism", format!("({}): {}", mechanism.as_str(), error.kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(mechanism: Option<&str>) -> ConnectionSettings {
        ConnectionSettings {
            username: Some("me".to_owned()),
            password: Some("p@ss:word/".to_owned()),
            auth_source: Some("app".to_owned()),
            auth_mechanism: mechanism.map(str::to_owned),
            ..ConnectionSettings::default()
        }
    }

    fn applied(settings: &ConnectionSettings) -> Result<Option<Credential>, ConnectionError> {
        let mut target = ConnectionString::default();
        apply(&mut target, settings)?;
        Ok(target.credential)
    }

    #[test]
    fn a_password_is_taken_as_it_is() {
        let credential = applied(&user(None)).expect("it is complete").expect("there is one");
        assert_eq!(credential.username.as_deref(), Some("me"));
        assert_eq!(credential.password.as_deref(), Some("p@ss:word/"));
        assert_eq!(credential.source.as_deref(), Some("app"));
        assert_eq!(credential.mechanism, None);
    }

    #[test]
    fn every_mechanism_the_driver_has_is_carried() {
        for (name, mechanism) in
            [("SCRAM-SHA-1", AuthMechanism::ScramSha1), ("SCRAM-SHA-256", AuthMechanism::ScramSha256)]
        {
            let credential = applied(&user(Some(name))).expect("it is complete").expect("there is one");
            assert_eq!(credential.mechanism, Some(mechanism));
        }
        let external = |name: &str, username: Option<&str>, password: Option<&str>| ConnectionSettings {
            username: username.map(str::to_owned),
            password: password.map(str::to_owned),
            auth_source: Some("$external".to_owned()),
            auth_mechanism: Some(name.to_owned()),
            ..ConnectionSettings::default()
        };
        for settings in [
            external("MONGODB-X509", None, None),
            external("MONGODB-X509", Some("CN=me"), None),
            external("PLAIN", Some("me"), Some("pw")),
        ] {
            assert!(applied(&settings).expect("it is complete").is_some(), "{settings:?}");
        }
    }

    #[cfg(not(feature = "aws-auth"))]
    #[test]
    fn aws_is_refused_by_a_build_without_it() {
        let error = applied(&user(Some("MONGODB-AWS"))).expect_err("it can't be honoured");
        assert!(error.message.contains("aws-auth"), "{error}");
    }

    #[cfg(feature = "aws-auth")]
    #[test]
    fn a_session_token_goes_with_the_keys() {
        let settings = ConnectionSettings {
            auth_source: Some("$external".to_owned()),
            aws_session_token: Some("token".to_owned()),
            ..user(Some("MONGODB-AWS"))
        };
        let credential = applied(&settings).expect("it is complete").expect("there is one");
        let properties = credential.mechanism_properties.expect("there are some");
        assert_eq!(properties.get_str("AWS_SESSION_TOKEN").ok(), Some("token"));
    }

    #[test]
    fn a_missing_or_unknown_part_is_refused_by_name_and_without_the_password() {
        let refused = |settings: &ConnectionSettings| applied(settings).expect_err("it can't be honoured");
        for name in ["GSSAPI", "MONGODB-OIDC", "MONGODB-CR", "NONSENSE"] {
            let error = refused(&user(Some(name)));
            assert_eq!(error.option, "authMechanism");
            assert!(error.message.contains(name) && !error.message.contains("p@ss"), "{error}");
        }
        let no_password = ConnectionSettings { password: None, ..user(None) };
        assert_eq!(refused(&no_password).option, "password");
        let no_user = ConnectionSettings { username: None, ..user(Some("SCRAM-SHA-256")) };
        assert_eq!(refused(&no_user).option, "authMechanism");
    }

    #[test]
    fn a_source_alone_asks_for_no_authentication() {
        let settings =
            ConnectionSettings { auth_source: Some("admin".to_owned()), ..ConnectionSettings::default() };
        assert_eq!(applied(&settings), Ok(None));
    }

    #[test]
    fn fields_override_a_connection_string() {
        let mut target = ConnectionString::parse("mongodb://old:pw@host/db").expect("it is valid");
        apply(&mut target, &user(None)).expect("it is complete");
        assert_eq!(target.credential.expect("there is one").username.as_deref(), Some("me"));
    }
}
