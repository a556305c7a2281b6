"""「获取验证码」 as every form with a `PhoneCodeForm` answers it, with and without JavaScript."""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from django.shortcuts import render

from accounts.addresses import client_address
from accounts.documents import normalise
from accounts.forms.codes import CodeRequestForm
from accounts.services.codes import CodeRequestRefusedError, new_flow, send_code


@dataclass
class CodeAnswer:
    """What the code block shows: was a code asked for, is one on its way, `seconds` until the next."""

    asked: bool = False
    sent: bool = False
    seconds: int = 0


def flow_of(request, purpose):
    """The flow this visitor's session runs through a form; made on first use."""
    key = f"flow:{purpose}"
    if key not in request.session:
        request.session[key] = new_flow()
    return request.session[key]


def _document_of(data):
    try:
        return normalise(data.get("document_number", ""))
    except ValidationError:
        return ""


def answer_code_request(request, form_class, *, flow, document=None, **kwargs):
    """Return (form to show, CodeAnswer) for a POST of 「获取验证码」.

    `document` is the (normalised) number whose limits count too; by default the one typed in the form.
    """
    asked = CodeRequestForm(request.POST)
    answer = CodeAnswer(asked=True)
    if asked.is_valid():
        try:
            send_code(
                purpose=form_class.purpose,
                phone=asked.cleaned_data["phone"],
                flow=flow,
                address=client_address(request),
                document=_document_of(request.POST) if document is None else document,
            )
            answer = CodeAnswer(asked=True, sent=True, seconds=settings.SMS_PER_PERSON[0][1])
        except CodeRequestRefusedError as error:
            asked.add_error("phone", error.message)
            answer = CodeAnswer(asked=True, seconds=error.seconds)
    form = form_class.after_request(request.POST, asked, **kwargs)
    form.focus_on(next(iter(asked.errors), "code"))
    return form, answer


def code_page(request, form_class, template, on_valid, *, document=None, context=None, **form_kwargs):
    """A page around a `PhoneCodeForm`: 「获取验证码」 and the saving are two submits of one form.

    `document` as in `answer_code_request`; `flow` is the session's own unless given.
    """
    kwargs = form_kwargs if "flow" in form_kwargs else {"flow": flow_of(request, form_class.purpose), **form_kwargs}
    action = request.POST.get("action")
    answer, form = CodeAnswer(), form_class(**kwargs)
    if action == "send_code":
        form, answer = answer_code_request(request, form_class, document=document, **kwargs)
        if request.htmx:
            return render(request, "accounts/includes/code_block.html", {"form": form, "answer": answer})
    elif action == "refresh":
        form = as_typed(form_class(request.POST, **kwargs))
    elif request.method == "POST":
        form = form_class(request.POST, request.FILES, **kwargs)
        if form.is_valid() and (response := on_valid(request, form)):
            return response
    return render(request, template, {"form": form, "answer": answer, **(context or {})})


def as_typed(form):
    """A bound form that shows what was typed and no errors: only a new picture or list was asked for."""
    form._errors = ErrorDict()
    form.cleaned_data = {}
    return form
