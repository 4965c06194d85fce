# Shortcuts; each is one plain command. `just` lists them.

_list:
    @just --list

# Everything that continuous integration checks.
check:
    tests/run

# A box with real records, to look at.
demo:
    cargo run --release -- demo

# The reference pages that the binary makes.
docs:
    cargo run -- docs api --to docs/api

# The stripped binary that is given out.
dist:
    cargo build --profile dist

# The same for small boxes: just cross aarch64-unknown-linux-musl
cross target:
    CROSS_CONFIG=cross.toml cross build --profile dist --target {{target}}
