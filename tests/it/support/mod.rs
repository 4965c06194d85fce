//! What the tests stand on.

pub(crate) mod desk;
pub(crate) mod faulty;
pub(crate) mod power;
pub(crate) mod process;
pub(crate) mod testbox;

/// By how much `BLOTTER_TEST_SCALE` multiplies the number of seeds.
pub(crate) fn scale() -> u64 {
    std::env::var("BLOTTER_TEST_SCALE")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}
