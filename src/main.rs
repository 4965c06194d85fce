//! Parses the command line and dispatches.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// glibc's arenas keep four times the memory that is in use and wait for each other's locks; musl's has one lock for all.
#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    blotter::cli::run()
}
