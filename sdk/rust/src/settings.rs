//! App settings.

/// The app setting `name` of the manifest, for clients and activities, or the secret of this name
/// if the function's entry in the manifest has it in `secrets`.
///
/// Orchestrators and entities must not call it, because a setting may differ between a turn and its
/// replay: the host refuses to deploy them. Give them what they need as input. In native tests it
/// is what [`testing::set_app_setting`](crate::testing::set_app_setting) has set.
pub fn app_setting(name: &str) -> Option<String> {
    #[cfg(target_arch = "wasm32")]
    return wasip2::cli::environment::get_environment().into_iter().find(|(key, _)| key == name).map(|(_, value)| value);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::read_app_setting(name)
}
