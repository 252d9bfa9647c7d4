//! Leaving out messages that come too late for their receivers.
//!
//! Only the writer knows how a receiver stands that is not in the host's memory: what the tables
//! say, what is pending on top of that, and what stands before the message in its own batch.

use std::collections::HashMap;

use longhaul_core::{InstanceId, Record, Standing};

use super::database::StoredTail;
use crate::contract::EncodedRecord;
use crate::projection::overlay::{InTables, Overlay};

/// Receivers of which the tables must be asked although something is pending for them.
pub(super) fn asked_for<'a>(records: &'a [EncodedRecord], overlay: &Overlay) -> Vec<&'a InstanceId> {
    let receivers = records.iter().filter(|encoded| encoded.if_wanted).map(|encoded| &encoded.record.instance);
    receivers.filter(|id| overlay.get(id).is_some_and(|entry| entry.in_tables == InTables::Row)).collect()
}

/// Takes the messages out that are to be left out where they come too late.
pub(super) fn leave_out(records: &mut Vec<EncodedRecord>, overlay: &Overlay, stored: &HashMap<InstanceId, StoredTail>) {
    let receivers = records.iter().filter(|encoded| encoded.if_wanted).map(|encoded| &encoded.record.instance);
    let mut standings: HashMap<InstanceId, Option<Standing>> =
        receivers.map(|id| (id.clone(), standing(id, overlay, stored.get(id)))).collect();
    if standings.is_empty() {
        return;
    }
    records.retain(|encoded| {
        let Some(standing) = standings.get_mut(&encoded.record.instance) else { return true };
        if encoded.if_wanted
            && let Record::Message(message) = &encoded.record.record
            && Standing::is_late(standing.as_ref(), &message.message)
        {
            return false;
        }
        *standing = Standing::after(standing.take(), &encoded.record.record);
        true
    });
}

/// How an instance stands before the batch.
fn standing(id: &InstanceId, overlay: &Overlay, stored: Option<&StoredTail>) -> Option<Standing> {
    let in_tables = stored.and_then(|stored| stored.standing.clone());
    let Some(entry) = overlay.get(id) else { return in_tables };
    let shown = stored.map_or(0, |stored| stored.position);
    let pending = entry.records.iter().filter(|pending| pending.position > shown);
    pending.fold(in_tables, |standing, pending| Standing::after(standing, &pending.record.record))
}
