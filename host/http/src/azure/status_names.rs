//! Names and numbers of statuses in the contract.

use longhaul_core::RuntimeStatus;

/// Every status, in the order of its number.
pub const ALL: [RuntimeStatus; 8] = [
    RuntimeStatus::Running,
    RuntimeStatus::Completed,
    RuntimeStatus::ContinuedAsNew,
    RuntimeStatus::Failed,
    RuntimeStatus::Canceled,
    RuntimeStatus::Terminated,
    RuntimeStatus::Pending,
    RuntimeStatus::Suspended,
];

/// The name of a status.
pub fn name(status: RuntimeStatus) -> &'static str {
    match status {
        RuntimeStatus::Running => "Running",
        RuntimeStatus::Completed => "Completed",
        RuntimeStatus::ContinuedAsNew => "ContinuedAsNew",
        RuntimeStatus::Failed => "Failed",
        RuntimeStatus::Canceled => "Canceled",
        RuntimeStatus::Terminated => "Terminated",
        RuntimeStatus::Pending => "Pending",
        RuntimeStatus::Suspended => "Suspended",
    }
}

/// The status of this exact name or number.
pub fn parse(text: &str) -> Option<RuntimeStatus> {
    match text.parse::<usize>() {
        Ok(number) => ALL.get(number).copied(),
        Err(_) => ALL.into_iter().find(|status| name(*status) == text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_a_name_and_a_number() {
        for (number, status) in ALL.into_iter().enumerate() {
            assert_eq!(parse(&number.to_string()), Some(status));
            assert_eq!(parse(name(status)), Some(status));
        }
        assert_eq!(ALL.map(|status| status as usize), [0, 1, 2, 3, 4, 5, 6, 7], "none is missing");
        for text in ["running", "8", "-1", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
