# `just` lists the recipes. None is needed: each is a few plain commands.

export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

_default:
    @just --list --unsorted

# Everything that CI checks, on this machine
check: fmt lint test infra

# The code is formatted
fmt:
    cargo fmt --all --check

# The lints hold
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# All tests
test:
    cargo test --workspace

# The pictures in docs/screenshots, made anew by a test (needs `apt-get install chromium chromium-driver pngquant`)
screenshots:
    SCREENSHOTS=1 cargo test --workspace --test journeys browsing::pictures
    pngquant --force --ext .png --nofs docs/screenshots/*.png

# How heavy the page is, and how fast with 50 and with 5,000 ad accounts
page-timings:
    cargo test --workspace --test journeys -- --nocapture --test-threads=1 browsing::many

# The template, its policies, the API description and the documents hold (after `just tools`)
infra:
    infra/checks/run

# The documents agree with the code (after `just tools`); with --write, the column "Shown by" of docs/threats.md anew
docs *args:
    python infra/checks/docs.py {{ args }}

# Writes the API of infra/openapi.yaml into the template
api-body:
    python infra/checks/api_body.py --write

# Licences, banned crates and sources (needs `cargo install cargo-deny`)
deny:
    cargo deny check licenses bans sources

# Dependencies that nobody uses (needs `cargo install cargo-machete`)
unused:
    cargo machete --with-metadata

# What is in each function, as CycloneDX in target/sbom (needs `cargo install cargo-cyclonedx`)
sbom:
    infra/checks/sbom

# The CDK app makes the same resources (needs `npm ci --prefix infra/cdk`)
cdk:
    infra/cdk/check

# The page calls the API as it is described (needs `npm ci --prefix infra/checks/page`); with --write, the types of docs/web-app anew
page *args:
    infra/checks/page/run {{ args }}

# The local world: functions, DynamoDB, secrets, gateway on :3000 and the TikTok stand-in on :3001
local *args:
    cargo local {{ args }}

# Runs the functions from source and rebuilds them on every change; start `just local` first
watch:
    cargo lambda watch

# Sends one event to a function under `just watch`, for example `just invoke list-accounts needs_connecting`
invoke function case:
    cargo lambda invoke {{ function }} --data-file events/{{ function }}/{{ case }}.json

# Every event by `cargo lambda invoke`, held against events/answers.yaml (after `just tools`)
events:
    infra/checks/invoke/run

# Cold start, latency, memory and size of every function
bench:
    cargo run --release -p bench

# The functions as they are deployed, in target/lambda (after `just tools`)
build architecture="arm64" *functions:
    infra/build {{ architecture }} {{ functions }}

# Builds them twice, as on two machines, and compares the bytes
reproducible architecture="arm64" *functions:
    infra/checks/reproducible {{ architecture }} {{ functions }}

# Schemathesis against the local gateway (infra/checks/api/README.md)
fuzz:
    infra/checks/api/run

# Every call that we make to TikTok, made by TikTok's own SDK to the stand-in (infra/checks/tiktok-sdk/README.md)
tiktok-sdk:
    infra/checks/tiktok-sdk/run

# The template and the release binaries in a local CloudFormation, and the whole job in it (infra/checks/e2e/README.md)
e2e:
    infra/checks/e2e/run

# `cargo lambda` and the tools for the template, into .venv
tools:
    python3 -m venv .venv
    pip install --requirement infra/checks/requirements.txt
