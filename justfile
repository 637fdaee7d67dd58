# `just` lists the recipes. None is needed: each is a few plain commands.

export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

_default:
    @just --list --unsorted

# Everything that CI checks, on this machine
check: fmt lint test api

# The code is formatted
fmt:
    cargo fmt --all --check

# The lints hold
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# All tests
test:
    cargo test --workspace

# The API description is valid OpenAPI (after `just tools`)
api:
    openapi-spec-validator infra/openapi.yaml

# Licences, banned crates and sources (needs `cargo install cargo-deny`)
deny:
    cargo deny check licenses bans sources

# The local world: functions, DynamoDB, secrets, gateway on :3000 and the TikTok stand-in on :3001
local *args:
    cargo local {{ args }}

# Runs the functions from source and rebuilds them on every change; start `just local` first
watch:
    cargo lambda watch

# Sends one event to a function under `just watch`, for example `just invoke list-accounts needs_connecting`
invoke function case:
    cargo lambda invoke {{ function }} --data-file events/{{ function }}/{{ case }}.json

# Cold start, latency, memory and size of every function
bench:
    cargo run --release -p local -- bench

# `cargo lambda` and the OpenAPI validator, into .venv
tools:
    python3 -m venv .venv
    pip install cargo-lambda==1.9.2 openapi-spec-validator==0.9.0
