"""The forms of this room: they ask, the acts decide.

A form built from the questions of a page lets the rules judge what was typed; Django's own field
checks stay out of it, so a page and an act never differ.
"""

from typing import Any
from uuid import UUID

from django import forms
from django.core.files.uploadedfile import UploadedFile

from ledger.amounts import parse_yuan
from ledger.identifiers import new_id
from vouchers.questions import Question, Step, choices_of, clean_step, typed_form
from vouchers.rulebook import Edition

RULES = "RULES"


class QuietForm(forms.Form):
    """A form whose fields show, and never judge: no required attribute, no browser bubbles."""

    use_required_attribute = False


class StepForm(QuietForm):
    """One page of the application, asked and judged by its questions."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, step: Step, edition: Edition, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.step, self.edition = step.asked_for(edition.kind), edition
        for question in self.step.questions:
            self.fields[question.name] = field_of(question, edition)

    def _clean_fields(self) -> None:
        """Leave judging to the rules."""

    def clean(self) -> dict[str, Any]:
        """Return the answers as the rules read them; put their sentences on the fields."""
        answers, faults = clean_step(self.step.code, self.typed(), self.edition)
        for name, sentence in faults.items():
            self.add_error(name, sentence)
        return answers

    def typed(self) -> dict[str, str]:
        """Return what stands in the fields of the page."""
        return {each.name: str(self.data.get(each.name, "")) for each in self.step.questions}

    @classmethod
    def filled(cls, step: Step, edition: Edition, answers: dict[str, Any], version: int) -> Any:
        """Return the page filled with saved answers."""
        initial: dict[str, Any] = {
            each.name: typed_form(each, answers.get(each.name)) for each in step.questions
        }
        return cls(step, edition, initial=initial | {"version": version})


def field_of(question: Question, edition: Edition) -> forms.Field:
    """Return the form field of a question."""
    told: dict[str, Any] = {
        "label": question.label,
        "help_text": question.hint,
        "required": question.required,
    }
    if question.kind == "yes_no":
        return forms.ChoiceField(choices=question.choices, widget=forms.RadioSelect, **told)
    if question.kind == "choice":
        choices = [("", "请选择"), *choices_of(question, edition)]
        return forms.ChoiceField(choices=choices, **told)
    if question.kind == "long":
        return forms.CharField(widget=forms.Textarea(attrs={"rows": 6}), **told)
    numeric = {"whole": "numeric", "yuan": "decimal", "wan": "decimal", "phone": "tel"}
    attrs = {"autocomplete": "off"}
    if question.kind in numeric:
        attrs["inputmode"] = numeric[question.kind]
    return forms.CharField(widget=forms.TextInput(attrs=attrs), **told)


class YuanField(forms.CharField):
    """An amount typed in yuan, cleaned to fen."""

    def clean(self, value: Any) -> Any:
        """Return fen."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_yuan(text)
        except ValueError as error:
            raise forms.ValidationError(f"{error}。") from error


class EnrollForm(QuietForm):
    """Bind an enterprise to the account."""

    name = forms.CharField(label="企业名称", help_text="与营业执照一致的全称。", max_length=200)
    uscc = forms.CharField(
        label="统一社会信用代码", help_text="营业执照上的 18 位代码，可以直接粘贴。", max_length=60
    )
    insist = forms.BooleanField(label="我已对照营业执照，代码无误，请人工核验", required=False)


class KeyForm(QuietForm):
    """A button that moves value: its key makes a double click harmless."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)

    def asked_key(self) -> UUID | None:
        """Return the key the page was given."""
        return self.cleaned_data.get("key")


class UploadForm(QuietForm):
    """One file for one slot."""

    slot = forms.CharField(widget=forms.HiddenInput)
    file = forms.FileField(label="选择文件", required=False, allow_empty_file=True)

    @property
    def declared(self) -> str:
        """Return the type that the browser says the file has."""
        chosen: UploadedFile | None = self.cleaned_data.get("file")
        return (chosen.content_type or "") if chosen else ""

    def content(self) -> tuple[str, bytes]:
        """Return name and bytes; nothing chosen is an empty name."""
        chosen: UploadedFile | None = self.cleaned_data.get("file")
        return (chosen.name or "", chosen.read()) if chosen else ("", b"")


class VerifyForm(QuietForm):
    """What was compared when an enterprise is verified."""

    evidence = forms.CharField(
        label="核验依据", help_text="例如：营业执照原件、市场监管登记信息。", max_length=500
    )


class GrantForm(KeyForm):
    """Money granted by finance, prepared by one person for another to approve."""

    amount = YuanField(label="下达金额（元）")
    document_no = forms.CharField(label="财政文号", max_length=100)
