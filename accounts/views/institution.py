"""机构注册, and what an institution sees of its learners."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Count, Exists, OuterRef, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.addresses import client_address
from accounts.decorators import listed_institution
from accounts.forms.institution import InstitutionRegisterForm, LicenceForm
from accounts.forms.personal_data import UnmaskForm
from accounts.models import ActivationCode, Enrolment, User
from accounts.row_ids import row_ids
from accounts.services.activation import issue_activation_codes
from accounts.services.institutions import NotPendingError, replace_licence
from accounts.views.codes import code_page
from accounts.views.pages import page_of

PAGE_SIZE = 20
SHEET_SIZE = 200


def institution_register(request):
    if request.user.is_authenticated:
        return redirect("portal:home")
    return code_page(request, InstitutionRegisterForm, "accounts/institution_register.html", _registered)


def _registered(request, form):
    try:
        user = form.save()
    except IntegrityError:
        form.add_error(None, _("用户名、电子邮箱、手机号码或信用代码刚刚被别人使用,请修改后重新获取验证码。"))
        return None
    login(request, user, backend="accounts.backends.IdentifierBackend")
    messages.success(request, _("机构注册已提交,请等待学分银行管理中心审核。"))
    return redirect("accounts:institution_home")


def _own_institution(request):
    """The institution an account works for; staff of an institution use the admin, learners have none."""
    if request.user.institution_id is None or request.user.is_staff:
        raise PermissionDenied
    return request.user.institution


def _listed_institution(request):
    return listed_institution(request.user)


@login_required
def institution_home(request):
    """The institution's learners and how many of them have activated."""
    institution = _own_institution(request)
    enrolments = Enrolment.objects.filter(institution=institution)
    totals = enrolments.aggregate(all=Count("pk"), active=Count("pk", Q(learner__user__isnull=False)))
    query = request.GET.get("q", "").strip()[:100]
    open_codes = ActivationCode.objects.filter(enrolment=OuterRef("pk"), used_at=None)
    rows = enrolments.select_related("learner").annotate(
        has_code=Exists(open_codes), is_activated=Exists(User.objects.filter(learner=OuterRef("learner")))
    )
    if query:
        rows = rows.filter(Q(learner__name__icontains=query) | Q(student_number=query))
    if request.GET.get("only") == "inactive":
        rows = rows.filter(learner__user=None)
    page_obj = page_of(request, rows.order_by("student_number", "pk"), PAGE_SIZE)
    context = {"institution": institution, "totals": totals, "page_obj": page_obj, "query": query}
    return render(request, "accounts/institution_home.html", context)


@login_required
def institution_licence(request):
    """Another licence, while the centre hasn't decided: the inspection refused the first, or it can't be read."""
    institution = _own_institution(request)
    form = LicenceForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            replace_licence(institution=institution, licence=form.cleaned_data["licence"], by=request.user)
        except NotPendingError:
            messages.warning(request, _("管理中心已经处理了注册,证照不能再更换。"))
        else:
            messages.success(request, _("证照已更换,正在检查。"))
        return redirect("accounts:institution_home")
    return render(request, "accounts/institution_licence.html", {"form": form, "institution": institution})


@require_POST
@login_required
def activation_code_sheet(request):
    """Issue codes for the chosen learners and show them, this once, as a sheet to print and cut."""
    institution = _listed_institution(request)
    chosen = request.POST.getlist("only") or request.POST.getlist("enrolment")
    ids = row_ids(chosen)
    waiting = Enrolment.objects.filter(institution=institution, learner__user=None).select_related("learner")
    enrolments = list(waiting.filter(pk__in=ids[:SHEET_SIZE]).order_by("student_number", "pk"))
    if not enrolments:
        messages.warning(request, _("请先选择尚未激活的学习者。"))
        return redirect("accounts:institution_home")
    codes = issue_activation_codes(enrolments=enrolments, by=request.user)
    return render(request, "accounts/activationcode_sheet.html", {"codes": codes, "institution": institution})


@never_cache
@login_required
def learner_document(request, pk):
    """The whole number of a learner on the own roster, once, after a reason was given and written down."""
    rows = Enrolment.objects.filter(institution=_listed_institution(request)).select_related("learner")
    enrolment = get_object_or_404(rows, pk=pk)
    form, number = UnmaskForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        number = form.reveal(learner=enrolment.learner, by=request.user, address=client_address(request))
    context = {"enrolment": enrolment, "form": form, "number": number}
    return render(request, "accounts/learner_document.html", context)
