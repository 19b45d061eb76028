//! The engine's own cost per job, measured without a server: `cargo bench --manifest-path bench/micro/Cargo.toml`.
