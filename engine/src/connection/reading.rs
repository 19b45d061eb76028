//! The concerns of reads and writes.

use std::{collections::HashMap, time::Duration};

use mongodb::options::{
    Acknowledgment, ConnectionString, ReadConcern, ReadPreference, ReadPreferenceOptions, WriteConcern,
};

use super::{
    error::ConnectionError,
    settings::{ConnectionSettings, WriteAcknowledgment},
};

/// Sets concerns and preference, on top of a connection string's.
pub(super) fn apply(
    target: &mut ConnectionString,
    settings: &ConnectionSettings,
) -> Result<(), ConnectionError> {
    if let Some(level) = &settings.read_concern_level {
        target.read_concern = Some(ReadConcern::custom(level));
    }
    if let Some(preference) = read_preference(settings)? {
        target.read_preference = Some(preference);
    }
    let concern = write_concern(target.write_concern.take().unwrap_or_default(), settings);
    if concern.w == Some(Acknowledgment::Nodes(0)) {
        return Err(ConnectionError::new("w", "must not be 0: an unacknowledged job can be lost"));
    }
    target.write_concern = (concern != WriteConcern::default()).then_some(concern);
    Ok(())
}

fn write_concern(mut concern: WriteConcern, settings: &ConnectionSettings) -> WriteConcern {
    match &settings.write_concern_w {
        Some(WriteAcknowledgment::Nodes(nodes)) => concern.w = Some(Acknowledgment::Nodes(*nodes)),
        Some(WriteAcknowledgment::Mode(mode)) => concern.w = Some(Acknowledgment::from(mode.as_str())),
        None => {}
    }
    if settings.write_concern_journal.is_some() {
        concern.journal = settings.write_concern_journal;
    }
    if let Some(timeout) = settings.write_concern_timeout_ms {
        concern.w_timeout = (timeout > 0).then(|| Duration::from_millis(timeout));
    }
    concern
}

fn read_preference(settings: &ConnectionSettings) -> Result<Option<ReadPreference>, ConnectionError> {
    let Some(mode) = &settings.read_preference_mode else {
        return Ok(None);
    };
    let tags = settings.read_preference_tags.as_ref().filter(|sets| !sets.is_empty());
    let options = ReadPreferenceOptions::builder()
        .tag_sets(tags.map(|sets| {
            let pairs = |set: &std::collections::BTreeMap<String, String>| {
                set.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<HashMap<_, _>>()
            };
            sets.iter().map(pairs).collect::<Vec<_>>()
        }))
        .max_staleness(settings.max_staleness_seconds.map(Duration::from_secs))
        .build();
    let has_options = tags.is_some() || settings.max_staleness_seconds.is_some();
    let preference = match mode.as_str() {
        "primary" if has_options => {
            let message = "primary takes neither tags nor maxStalenessSeconds";
            return Err(ConnectionError::new("readPreference", message));
        }
        "primary" => ReadPreference::Primary,
        "primaryPreferred" => ReadPreference::primary_preferred(options),
        "secondary" => ReadPreference::secondary(options),
        "secondaryPreferred" => ReadPreference::secondary_preferred(options),
        "nearest" => ReadPreference::nearest(options),
        other => {
            return Err(ConnectionError::new("readPreference", format!("({other}) is unknown")));
        }
    };
    Ok(Some(preference))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn applied(settings: &ConnectionSettings) -> Result<ConnectionString, ConnectionError> {
        let mut target = ConnectionString::default();
        apply(&mut target, settings)?;
        Ok(target)
    }

    #[test]
    fn concerns_are_carried() {
        let settings = ConnectionSettings {
            read_concern_level: Some("majority".to_owned()),
            write_concern_w: Some(WriteAcknowledgment::Mode("majority".to_owned())),
            write_concern_journal: Some(true),
            write_concern_timeout_ms: Some(5_000),
            ..ConnectionSettings::default()
        };
        let target = applied(&settings).expect("it can be honoured");
        assert_eq!(target.read_concern, Some(ReadConcern::majority()));
        let concern = target.write_concern.expect("there is one");
        assert_eq!(concern.w, Some(Acknowledgment::Majority));
        assert_eq!(concern.journal, Some(true));
        assert_eq!(concern.w_timeout, Some(Duration::from_secs(5)));
    }

    #[test]
    fn a_named_mode_and_a_number_are_told_apart() {
        for (given, expected) in [
            (WriteAcknowledgment::Nodes(2), Acknowledgment::Nodes(2)),
            (WriteAcknowledgment::Mode("eu".to_owned()), Acknowledgment::Custom("eu".to_owned())),
        ] {
            let settings =
                ConnectionSettings { write_concern_w: Some(given), ..ConnectionSettings::default() };
            let concern =
                applied(&settings).expect("it can be honoured").write_concern.expect("there is one");
            assert_eq!(concern.w, Some(expected));
        }
    }

    #[test]
    fn unacknowledged_writes_are_refused_wherever_they_come_from() {
        let settings = ConnectionSettings {
            write_concern_w: Some(WriteAcknowledgment::Nodes(0)),
            ..ConnectionSettings::default()
        };
        assert_eq!(applied(&settings).expect_err("w: 0").option, "w");
        let mut from_string = ConnectionString::parse("mongodb://host/?w=0").expect("it is valid");
        let nothing_said = ConnectionSettings::default();
        assert_eq!(apply(&mut from_string, &nothing_said).expect_err("w=0").option, "w");
    }

    #[test]
    fn a_read_preference_brings_its_tags_and_staleness() {
        let settings = ConnectionSettings {
            read_preference_mode: Some("nearest".to_owned()),
            read_preference_tags: Some(vec![BTreeMap::from([("dc".to_owned(), "east".to_owned())])]),
            max_staleness_seconds: Some(100),
            ..ConnectionSettings::default()
        };
        let preference = applied(&settings).expect("it can be honoured").read_preference;
        let Some(ReadPreference::Nearest { options: Some(options) }) = preference else {
            panic!("nearest, with options: {preference:?}");
        };
        assert_eq!(options.max_staleness, Some(Duration::from_secs(100)));
        assert_eq!(options.tag_sets.expect("some")[0]["dc"], "east");
    }

    #[test]
    fn an_unknown_or_impossible_preference_is_refused_by_name() {
        let with = |mode: &str, staleness| ConnectionSettings {
            read_preference_mode: Some(mode.to_owned()),
            max_staleness_seconds: staleness,
            ..ConnectionSettings::default()
        };
        for settings in [with("closest", None), with("primary", Some(120))] {
            assert_eq!(applied(&settings).expect_err("it can't be honoured").option, "readPreference");
        }
        assert!(applied(&with("primary", None)).is_ok());
    }
}
