//! What the events of a claim say of the copy that it waits for: only the process that makes it knows how far it is, and tells it there.

use crate::api::names;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;

/// Longest note that the API server takes, in characters.
const NOTE: usize = 1024;

/// The controller's last word of a claim, and when that was. (`view`, of the default roles, has events by this group.) Whoever may write events there can say the same: it is shown, and nothing
/// follows from it.
pub(super) fn last_word(events: &[Event]) -> Option<String> {
    let ours = |event: &&Event| event.reporting_component.as_deref() == Some(names::PROVISIONER);
    let dated = events.iter().filter(ours).filter_map(|event| Some((at(event)?, event)));
    let (at, event) = dated.max_by_key(|(at, _)| *at)?;
    let note = event.message.as_deref()?;
    let note: String = note.chars().filter(|c| !c.is_control()).take(NOTE).collect();
    Some(format!("at {at:.0}: {note}"))
}

/// When it was said last.
fn at(event: &Event) -> Option<Timestamp> {
    let again = event
        .series
        .as_ref()
        .and_then(|series| Some(series.last_observed_time.as_ref()?.0));
    again.max(event.event_time.as_ref().map(|time| time.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(at: &str, who: &str, note: &str) -> Event {
        serde_json::from_value(json!({
            "metadata": {"name": "x"}, "involvedObject": {}, "eventTime": at, "reportingComponent": who, "message": note,
        }))
        .unwrap()
    }

    #[test]
    fn the_newest_word_of_the_controller_counts_and_nobody_else_s() {
        let mut events = vec![
            event("2024-05-01T10:00:05.000000Z", "tombolo.dev", "copied 1 GiB"),
            event("2024-05-01T10:00:35.250000Z", "tombolo.dev", "copied 2 GiB"),
            event("2024-05-01T10:00:01.000000Z", "tombolo.dev", "Copying the volume"),
            event("2024-05-01T11:00:00.000000Z", "persistentvolume-controller", "Waiting"),
        ];
        assert_eq!(
            last_word(&events).as_deref(),
            Some("at 2024-05-01T10:00:35Z: copied 2 GiB")
        );
        events[0].series =
            serde_json::from_value(json!({"count": 2, "lastObservedTime": "2024-05-01T10:01:00.000000Z"})).unwrap();
        assert_eq!(
            last_word(&events).as_deref(),
            Some("at 2024-05-01T10:01:00Z: copied 1 GiB")
        );
        assert_eq!(last_word(&events[3..]), None);
    }

    #[test]
    fn what_somebody_else_may_have_written_does_no_harm_to_a_terminal() {
        let hostile = format!("\u{1b}[2J\u{9b}H\nVerdict  bound{}", "x".repeat(5000));
        let said = last_word(&[event("2024-05-01T10:00:05.000000Z", "tombolo.dev", &hostile)]).unwrap();
        assert!(said.starts_with("at 2024-05-01T10:00:05Z: [2JHVerdict"), "{said}");
        assert!(said.len() < 1100 && !said.chars().any(char::is_control));
    }
}
