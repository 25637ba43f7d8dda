"""How the authority's printed documents are headed, numbered and signed: data of a site."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Papers:
    """What a site may choose for its documents.

    ``official_numbers`` puts page numbers as GB/T 9704 has them, for a report that is filed as an
    annex of an official document; ``mark`` begins document numbers (普数算结〔2026〕10号);
    a file with more than ``lines_at_once`` lines is written by a worker, not while somebody waits.
    """

    issuer: str = "上海市普陀区数据局"
    mark: str = "普数算"
    district: str = "普陀区"
    copies_to: str = "区财政局，区审计局"
    official_numbers: bool = False
    signer: str = "file:"
    lines_at_once: int = 20_000
