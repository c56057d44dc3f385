"""Names of papers: any written form of an identifier to one canonical alias.

Pure. Never raises on any text; what is no identifier is None, never a guess. Two forms of one
identifier give equal aliases, and `parse(str(alias))` gives back every alias that came from
`parse`. The version is kept apart, so that v1 and v2 are one paper.
"""

import re
import unicodedata
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import quote, unquote, urlsplit

from notifier.papers.text import fold, one_line

_LONGEST = 2_000  # bytes; no identifier is longer
_LONGEST_KEPT = 2_400  # bytes; a database's index takes little more
_ARCHIVES = (  # of the identifiers before April 2007; some were merged later
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas"
    "|cond-mat|cs|dg-ga|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|mtrl-th|nlin"
    "|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|quant-ph|solv-int|supr-con"
)
_FLAGS = re.ASCII | re.IGNORECASE
_ARXIV = re.compile(
    r"(?:oai:arxiv\.org:|(?:arxiv preprint )?arxiv[:\s]\s?)?"
    r"(?:(?P<new>[0-9]{4}\.[0-9]{4,5})"
    rf"|(?P<archive>{_ARCHIVES})(?:\.[a-z-]+)?/(?P<old>[0-9]{{7}}))"
    r"(?:v(?P<version>[1-9][0-9]{0,2}))?(?:\.pdf)?"
    r"(?:\s{0,2}\[[\w.-]+\](?:\s{1,2}[0-9]{1,2} [a-z]{3,9} [0-9]{4})?)?"  # a first page's stamp
    r"[/\s.,;:!?)>\]}\"'”’]*",
    _FLAGS,
)
_DOI = re.compile(r"10\.[0-9]{4,9}(?:\.[0-9]+)*/[^\s\x00-\x1f\x7f\ud800-\udfff]+")
_DOI_PREFIX = re.compile(r"\A(?:info:doi/|(?:urn:)?doi[:\s]\s?)", _FLAGS)
_ARXIV_DOI = re.compile(r"10\.48550/arxiv\.(.+)")
_PREPRINT_DOI = re.compile(  # bioRxiv's and medRxiv's; journals use the prefix 10.1101, too
    r"(10\.(?:1101|64898)/(?:[0-9]{4}\.[0-9]{2}\.[0-9]{2}\.[0-9]{1,8}|[0-9]{6,8}))(?:v([1-9][0-9]?))?"
    r"(?:\.(?:full|abstract|short|long|article|suppl|pdf).*|[?/].*)?"
)
_PMID = re.compile(r"(?:pmid|pubmed(?: id)?):?\s?0*([1-9][0-9]{0,8})[\s.,;:)\]]*", _FLAGS)
_PMCID = re.compile(
    r"(?:pmc|pmcid:?\s?(?:pmc)?)0*([1-9][0-9]{0,8})(?:\.([1-9]))?[\s.,;:)\]]*", _FLAGS
)
_BRACKETS = {")": "(", "]": "[", "}": "{", ">": "<"}

_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?([a-z0-9.-]+)(?::[0-9]+)?/([^\s?#]+)\S*", _FLAGS)
_PLACES = [  # host, path, and the identifier they stand for
    (re.compile(host), re.compile(path, _FLAGS), written)
    for host, path, written in (
        (r"(?:[a-z0-9.]+\.)?arxiv\.org|alphaxiv\.org|ar5iv\.org",
         r"(?:abs|pdf|html|overview|format|ps|src|e-print)/(.+)", r"arxiv:\1"),
        (r"huggingface\.co|hf\.co", r"papers/(.+)", r"arxiv:\1"),
        (r"scirate\.com|papers\.cool", r"arxiv/(.+)", r"arxiv:\1"),
        (r"(?:dx\.)?doi\.org", r"(10\..+)", r"\1"),
        (r".+", r"doi/(?:(?:abs|full|pdf|epdf|pdfdirect)/)?(10\..+?)(?:/(?:full|abstract|e?pdf))?",
         r"\1"),
        (r".+", r"(?:.+/)?(?:articles?|abstract|chapter|content/pdf)/(10\.[0-9]{4,9}/.+?)"
         r"(?:\.pdf|/(?:full|abstract|e?pdf|meta))?", r"\1"),
        (r"(?:bio|med)rxiv\.org", r"content/(10\..+)", r"\1"),
        (r"(?:bio|med)rxiv\.org",  # older feeds' links; later ones do not tell the DOI's prefix
         r"cgi/content/[a-z]+/((?:20(?:1[0-9]|2[0-4])\.[0-9.]{6})?[0-9]{6,8}(?:v[0-9]+)?)",
         r"10.1101/\1"),
        (r"(?:bio|med)rxiv\.org",
         r"content/(?:(?:bio|med)rxiv/)?early/[0-9]{4}/[0-9]{2}/[0-9]{2}/([0-9.]{6,20}(?:v[0-9]+)?)"
         r"(?:\.[a-z].*)?", r"10.1101/\1"),
        (r"pubmed\.ncbi\.nlm\.nih\.gov", r"([0-9]+)(?:\W.*)?", r"pmid:\1"),
        (r"ncbi\.nlm\.nih\.gov", r"pubmed/([0-9]+)(?:\W.*)?", r"pmid:\1"),
        (r"pubmed\.gov", r"([0-9]+)(?:\W.*)?", r"pmid:\1"),
        (r"europepmc\.org", r"(?:article|abstract)/MED/([0-9]+)(?:\W.*)?", r"pmid:\1"),
        (r"europepmc\.org", r"articles?/(?:PMC/)?PMC([0-9.]+)(?:\W.*)?", r"PMC\1"),
        (r"pmc\.ncbi\.nlm\.nih\.gov", r"articles/(PMC[0-9.]+)(?:\W.*)?", r"\1"),
        (r"ncbi\.nlm\.nih\.gov", r"pmc/(?:articles/)?(PMC[0-9.]+)(?:\W.*)?", r"\1"),
    )
]  # fmt: skip
_DOI_INSIDE = re.compile(  # anywhere in an address, as publishers write it
    r"https?://\S+?[/=](10\.[0-9]{4,9}/[^?#&\s]+?)(?:/(?:full|abstract|e?pdf))?/?(?:[?#&]\S*)?",
    _FLAGS,
)
_TRACKING = re.compile(r"(?:utm_[^=]*|rss|fbclid|gclid|mc_cid|mc_eid)(?:=.*)?", _FLAGS | re.DOTALL)

_LETTERS = re.compile(r"[^\W_]+")
_LABEL = re.compile(  # what services write before the title of a paper, and others leave out
    r"\s*[\[(]?\s*(?:withdrawn|withdrawal|retracted|removed|temporary removal|preprint)"
    r"(?:\s+(?:article|paper|preprint))?\s*(?:[\])]\s*:?|:)",
    re.IGNORECASE,
)
_TITLE_FROM_LETTERS = 20
_TITLE_LETTERS = 300  # are kept; no two papers were seen to differ only behind them
_COLUMN = re.compile(  # titles that many papers bear, as their letters
    r"(?:an?|the|guest)?(?:introduction|editorial|preface|foreword)(?:to|for|on)?(?:the|this)?"
    r"(?:special|themed|theme|virtual)(?:issue|section|collection)"
    r"|(?:acknowledg\w*|thank\w*|list)(?:to|of|for)?(?:the|our)?(?:peer)?(?:reviewers|referees)\d*"
    r"|(?:letter|note|message|word|comments)(?:from|by|to)the\w*editors?(?:inchief)?"
    r"|(?:instructions|information|guidelines)for\w*authors|(?:author|authors|publisher|editorial)"
    r"(?:s)?(?:reply|response|correction|note)\w{,10}|(?:conference|meeting)(?:abstracts?|reports?)\w*"
)


@dataclass(frozen=True, slots=True)
class Alias:
    """One canonical name of a paper; `str()` gives `scheme:value`.

    `scheme` is `arxiv`, `doi`, `pmid` or `pmcid` from `parse`, else `guid` or `url`.
    """

    scheme: str
    value: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


_Found = tuple[Alias, int | None]


def parse(text: str) -> _Found | None:
    """Return the alias that `text` writes, and the version it states.

    Args:
        text: One identifier and nothing else: an id, a DOI, a PubMed number or a web address
            that holds one, with or without prefix, brackets and punctuation round it.
    Returns:
        The alias and the version (1 or more, None when unstated); None for any other text.
    Source: info.arxiv.org/help/arxiv_identifier.html; doi.org handbook (names ignore case);
        the addresses as the services' own feeds write them.
    """
    if _bytes(text) > _LONGEST:
        return None
    name = _DOI_PREFIX.sub("", text.strip().lstrip("<([{\"'“‘"), count=1)
    name = _from_address(name) or name
    return _arxiv(name) or _doi(name) or _pubmed(name)


def _from_address(name: str) -> str | None:
    address = _ADDRESS.fullmatch(name)
    if address is None:
        return None
    path = _decoded(address[2])
    for host, pattern, written in _PLACES:
        found = pattern.fullmatch(path)
        if found and host.fullmatch(address[1].lower()):
            return found.expand(written)
    return None


def _decoded(text: str) -> str:
    while (plain := unquote(text)) != text:  # to the end, or a second reading would differ
        text = plain
    return text


def _arxiv(name: str) -> _Found | None:
    found = _ARXIV.fullmatch(name)
    if found is None:
        return None
    number = found["new"] or found["old"]
    month = number[:4]
    if found["new"]:
        known = month >= "0704" and len(number) == (9 if month <= "1412" else 10)
    else:  # the subject class in math.CA/0611800 is no part of the name
        known = month >= "9101" or month <= "0703"
        number = f"{found['archive'].lower()}/{number}"
    if not known or not "01" <= month[2:] <= "12":
        return None
    return Alias("arxiv", number), int(found["version"]) if found["version"] else None


def _doi(name: str) -> _Found | None:
    doi = _trimmed(_decoded(name)).lower()
    if not _DOI.fullmatch(doi):
        return None
    if (preprint := _ARXIV_DOI.fullmatch(doi)) and (found := _arxiv(preprint[1])):
        return found
    if preprint := _PREPRINT_DOI.fullmatch(doi):
        return Alias("doi", preprint[1]), int(preprint[2]) if preprint[2] else None
    return Alias("doi", doi), None


def _trimmed(doi: str) -> str:
    """Cut punctuation and brackets that belong to the sentence round the DOI."""
    while True:
        cut = doi.rstrip(".,;:!?/'\"’” ")
        opening = _BRACKETS.get(cut[-1:])
        if opening and cut.count(opening) < cut.count(cut[-1]):
            cut = cut[:-1]
        if cut == doi:
            return doi
        doi = cut


def _pubmed(name: str) -> _Found | None:
    if found := _PMID.fullmatch(name):
        return Alias("pmid", found[1]), None
    if found := _PMCID.fullmatch(name):
        return Alias("pmcid", f"PMC{found[1]}"), int(found[2]) if found[2] else None
    return None


def guid(feed: str, text: str) -> Alias:
    """Return the alias for a feed's own id, which means something in that feed only.

    Args:
        feed: The feed's name or address, without `|`.
        text: The id as the feed writes it.
    Source: RSS 2.0 (`guid` is any string) and RFC 4287, 4.2.6 (`id` is compared as it stands).
    """
    return Alias("guid", _cut(f"{feed}|{text.strip()}"))


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _cut(value: str) -> str:
    """The value, or one that is too long told by its beginning and a hash of all of it."""
    if _bytes(value) <= _LONGEST_KEPT:
        return value
    whole = value.encode("utf-8", "surrogatepass")
    return whole[:_LONGEST].decode("utf-8", "ignore") + blake2b(whole, digest_size=16).hexdigest()


def link(url: str) -> Alias | None:
    """Return the alias for a web address, without what differs from one feed to the next.

    Host in lower case, `https`, no user name, default port, fragment, tracking parameters or
    trailing slash; path and other parameters stand as they are.

    Returns:
        None if `url` is no absolute http or https address.
    Source: RFC 3986, 6.2 (ladder of comparison); tracking parameters seen in real feeds.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in url):
        return None
    host = f"[{host}]" if ":" in host else host
    host = host if port in (None, 80, 443) else f"{host}:{port}"
    query = "&".join(p for p in parts.query.split("&") if p and not _TRACKING.fullmatch(p))
    address = f"https://{host}{parts.path.rstrip('/')}" + (f"?{query}" if query else "")
    return Alias("url", _cut(address))


def is_preprint(alias: Alias) -> bool:
    """Return whether a DOI is that of a bioRxiv or medRxiv preprint."""
    return alias.scheme == "doi" and _PREPRINT_DOI.fullmatch(alias.value) is not None


def named(text: str) -> list[Alias]:
    """Return the aliases that a person's text may mean, the likeliest first.

    Args:
        text: Whatever `parse` reads, an alias as lists print it (`guid:FEED|ID` and
            `url:ADDRESS` too), or any web address, with or without `https://`.
    """
    text = one_line(text)
    scheme, _, value = text.partition(":")
    if scheme.lower() == "guid":
        return [Alias("guid", _cut(value))] if "|" in value else []
    if scheme.lower() == "url":
        text = value.strip()
    found, inside = parse(text), None
    if not found and (address := _DOI_INSIDE.fullmatch(text[:_LONGEST])):
        inside = parse(address[1])
    page = link(text) or (link(f"https://{text}") if _ADDRESS.fullmatch(text) else None)
    return [alias for alias in (*(f[0] for f in (found, inside) if f), page) if alias]


def urls(alias: Alias, version: int | None = None) -> dict[str, str]:
    """Return where `alias` can be read, by kind: `abs` and `pdf`, `doi`, `pubmed`, `pmc`, `url`.

    Args:
        version: Of an arXiv paper; None leads to the newest. Other services have no such links.
    Returns:
        Empty for a `guid`, which leads nowhere.
    Source: info.arxiv.org/help/arxiv_identifier_for_services.html; doi.org handbook (proxy).
    """
    value = quote(alias.value, safe="/:;()", errors="replace")
    if alias.scheme == "arxiv":
        stated = value if version is None else f"{value}v{version}"
        return {kind: f"https://arxiv.org/{kind}/{stated}" for kind in ("abs", "pdf")}
    return {
        "doi": {"doi": f"https://doi.org/{value}"},
        "pmid": {"pubmed": f"https://pubmed.ncbi.nlm.nih.gov/{value}/"},
        "pmcid": {"pmc": f"https://pmc.ncbi.nlm.nih.gov/articles/{value}/"},
        "url": {"url": alias.value},
    }.get(alias.scheme, {})


def title_key(title: str) -> str | None:
    """Return the letters and digits of a title, folded: what is left when only writing differs.

    Labels such as `WITHDRAWN:` are no part of it; `Correction to:` is, for that is another paper.

    Returns:
        At most 300 characters; None where the title tells no papers apart: fewer than twenty
        letters and digits (a Chinese, Japanese or Korean sign counts as two), or a column's name.
    Source: 14,318 arXiv titles of May and June 2026: no two papers share a key, 28 have none. A
        number of words would part writings of one title (`on-line`), so letters alone decide.
    """
    bare = unicodedata.normalize("NFKC", title[:_LONGEST])
    while label := _LABEL.match(bare):
        bare = bare[label.end() :]
    words = _LETTERS.findall(bare.lower().rstrip().removesuffix("(preprint)"))
    key = "".join(words if bare.isascii() else map(fold, words))[:_TITLE_LETTERS]
    letters = len(key) if key.isascii() else sum(1 + (c >= "\u2e80") for c in key)
    return key if letters >= _TITLE_FROM_LETTERS and not _COLUMN.fullmatch(key) else None
