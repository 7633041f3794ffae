"""Reading an HTML page back, as a browser that loads nothing would."""

from html.parser import HTMLParser

VOID = {"meta", "img", "input", "source", "br", "hr"}


class Reader(HTMLParser):
    """Every start tag with its attributes, the text under each tag, and whether every tag was closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.text.setdefault(tag, []).append(data)

    def attributes(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]

    def words(self, tag: str) -> str:
        """All text under such tags."""
        return " ".join(self.text.get(tag, []))

    def addresses(self) -> list[str]:
        """Everything the page would load or link to."""
        names = ("src", "srcset", "href", "action", "data", "poster")
        return [value for _, attributes in self.tags for name, value in attributes.items() if name in names]
