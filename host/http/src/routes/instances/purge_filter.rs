//! The filter of a purge. What cannot be read is refused, where lists count it as absent: a wrong filter of a list shows too much, one of
//! a purge removes too much.

use longhaul_core::{RuntimeStatus, Timestamp};
use longhaul_store::{InstanceQuery, Payloads};

use crate::authorize::KEY_PARAMETER;
use crate::azure::status_names;
use crate::date;
use crate::query::Query;

const CREATED_FROM: &str = "createdTimeFrom";
const CREATED_TO: &str = "createdTimeTo";
const STATUSES: &str = "runtimeStatus";
const PREFIX: &str = "instanceIdPrefix";
/// What a query of a purge may have. The last three are no part of the filter.
const KNOWN: [&str; 7] = [CREATED_FROM, CREATED_TO, STATUSES, PREFIX, "taskHub", "connection", KEY_PARAMETER];
/// What a filter may remove.
const ENDED: [RuntimeStatus; 4] = [RuntimeStatus::Completed, RuntimeStatus::Failed, RuntimeStatus::Canceled, RuntimeStatus::Terminated];
/// The reference's refusal, word for word; some clients compare it.
const NO_START: &str = "Please provide value for 'createdTimeFrom' parameter.";

/// Reads the filter: what was created from `createdTimeFrom` on and up to `createdTimeTo` (default `now`), has ended with one of the
/// statuses (default any), and whose id begins with the prefix. Pages have `limit` rows.
///
/// No status left means that nothing which the request names has ended.
///
/// # Errors
/// A text that names the parameter, its value, and what would be right.
pub(super) fn read(query: &Query, now: Timestamp, limit: u32) -> Result<InstanceQuery, String> {
    if let Some(unknown) = query.names().find(|name| !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name))) {
        return Err(format!(
            "a purge knows no parameter '{unknown}'; its filter has {CREATED_FROM}, {CREATED_TO}, {STATUSES} and {PREFIX}"
        ));
    }
    let created_from = match single(query, CREATED_FROM)? {
        None => return Err(NO_START.into()),
        Some(text) => date_of(CREATED_FROM, text).map_err(|problem| format!("{NO_START} {problem}"))?,
    };
    let created_to = single(query, CREATED_TO)?.map_or(Ok(now), |text| date_of(CREATED_TO, text))?;
    let statuses = match statuses_of(query)? {
        named if named.is_empty() => ENDED.to_vec(),
        named => ENDED.into_iter().filter(|ended| named.contains(ended)).collect(),
    };
    let id_prefix = match single(query, PREFIX)? {
        Some("") => return Err(format!("{PREFIX} is empty; leave it out, or name how ids begin")),
        prefix => prefix.unwrap_or_default().to_owned(),
    };
    Ok(InstanceQuery {
        created_from: Some(created_from),
        created_to: Some(created_to),
        statuses,
        id_prefix,
        limit,
        payloads: Payloads::NONE,
        ..InstanceQuery::default()
    })
}

fn single<'query>(query: &'query Query, name: &'query str) -> Result<Option<&'query str>, String> {
    let mut values = query.values(name);
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(format!("{name} is given more than once; which of its values counts is not clear")),
    }
}

fn date_of(name: &str, text: &str) -> Result<Timestamp, String> {
    date::parse(text).ok_or_else(|| format!("{name} '{}' is no date; one is written like 2030-01-31T09:30:00Z", text.escape_debug()))
}

/// Statuses by exact name or number, as everywhere; none if the query names none.
fn statuses_of(query: &Query) -> Result<Vec<RuntimeStatus>, String> {
    let words = query.values(STATUSES).flat_map(|value| value.split(','));
    words.map(|word| status_names::parse(word.trim()).ok_or_else(|| no_status(word.trim()))).collect()
}

fn no_status(word: &str) -> String {
    let names = status_names::ALL.map(status_names::name);
    let meant = names.iter().find(|name| name.eq_ignore_ascii_case(word)).map(|name| format!("; '{name}' is meant, perhaps"));
    format!("{STATUSES} '{}' is no status{}; there are {}", word.escape_debug(), meant.unwrap_or_default(), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn filter(query: &str) -> Result<InstanceQuery, String> {
        read(&Query::parse(query), NOW, 7)
    }

    #[test]
    fn a_filter_needs_a_date_and_covers_only_what_has_ended() {
        let statuses = |query| filter(query).unwrap().statuses;
        assert_eq!(statuses("createdTimeFrom=2020-01-01"), ENDED);
        assert_eq!(statuses("createdTimeFrom=2020-01-01&runtimeStatus=Running,Failed"), [RuntimeStatus::Failed]);
        assert_eq!(statuses("createdTimeFrom=2020-01-01&runtimeStatus=1&RuntimeStatus=%20Failed"), [ENDED[0], ENDED[1]]);
        assert_eq!(statuses("createdTimeFrom=2020-01-01&runtimeStatus=Running"), []);
        let read = filter("createdtimefrom=2020-01-01&instanceIdPrefix=a&taskHub=x&connection=Storage&code=k").unwrap();
        assert_eq!((read.created_to, read.id_prefix.as_str(), read.limit), (Some(NOW), "a", 7));
        let until = filter("createdTimeFrom=2020-01-01&createdTimeTo=2020-01-31T24:00:00Z").unwrap().created_to.unwrap();
        assert_eq!(until.to_iso_seconds(), "2020-02-01T00:00:00Z");
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_named() {
        assert_eq!(filter("runtimeStatus=Completed").unwrap_err(), NO_START);
        for (query, said) in [
            ("createdTimeFrom=soon", "Please provide value for 'createdTimeFrom' parameter. createdTimeFrom 'soon'"),
            ("createdTimeFrom=", "createdTimeFrom ''"),
            ("createdTimeFrom=2020-01-01&createdTimeTo=garbage", "createdTimeTo 'garbage'"),
            ("createdTimeFrom=2020-01-01&createdTimeTo=", "createdTimeTo ''"),
            ("createdTimeFrom=2020-01-01&createdTimeTo=2020-01-31T24:00:01Z", "2020-01-31T24:00:01Z"),
            ("createdTimeFrom=2020-01-01&createdTimeTo=2020-02-30", "2020-02-30"),
            ("createdTimeFrom=2020-01-01&runtimeStatus=completed", "'Completed' is meant"),
            ("createdTimeFrom=2020-01-01&runtimeStatus=Complete", "there are Running, Completed"),
            ("createdTimeFrom=2020-01-01&runtimeStatus=Completed,Faild", "'Faild'"),
            ("createdTimeFrom=2020-01-01&runtimeStatus=", "runtimeStatus ''"),
            ("createdTimeFrom=2020-01-01&runtimeStatus=Completed,", "runtimeStatus ''"),
            ("createdTimeFrom=2020-01-01&runtimeStatus", "runtimeStatus ''"),
            ("createdTimeFrom=2020-01-01&runtimeStatus=99", "'99'"),
            ("createdTimeFrom=2020-01-01&createdTimeFrom=2021-01-01", "createdTimeFrom is given more than once"),
            ("createdTimeFrom=2020-01-01&createdTimeTo=2021-01-01&createdtimeto=2022-01-01", "createdTimeTo is given more than once"),
            ("createdTimeFrom=2020-01-01&runtimeStatuses=Failed", "'runtimeStatuses'"),
            ("createdTimeFrom=2020-01-01&status=Failed", "'status'"),
            ("createdTimeFrom=2020-01-01&top=1", "'top'"),
            ("createdTimeFrom=2020-01-01&instanceIdPrefix=", "instanceIdPrefix is empty"),
            ("createdTimeFrom=2020-01-01&instanceIdPrefix=a&instanceIdPrefix=b", "instanceIdPrefix is given more than once"),
        ] {
            let refusal = filter(query).map(|read| format!("{:?}", read.statuses)).expect_err(query);
            assert!(refusal.contains(said), "{query}: {refusal}");
        }
    }
}
