"""Door for the bureau: the queue of cases, who works on what, the views people keep."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_GET, require_POST

from ledger import clock
from ledger.refusals import Refused
from ledger.rights import actor_of, requires
from vouchers import pages_bulk, pages_queue
from vouchers.assigning import assign_case, drop_view, reviewers, save_view, take_case
from vouchers.forms_queue import asked_of, kept
from vouchers.models import SavedView

PAGE = 30
REFUSED = 409


@requires("vouchers.view_cases")
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """List the cases by tab and filter; the address keeps the choice."""
    people = reviewers()
    form, asked = asked_of(request.GET, people)
    found = pages_queue.select(asked, request.user, clock.now())
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page_obj": page,
        "lines": pages_queue.lines(page, clock.now()),
        "tabs": pages_queue.tabs(asked, request.user),
        "headings": pages_queue.headings(asked),
        "asked": asked,
        "views": SavedView.objects.of_user(request.user),
        "kept": kept(request.GET),
        "people": people,
        "bulk_kinds": pages_bulk.kinds_for(request.user),
    }
    return render(request, "office/queue.html", context)


@requires("vouchers.view_cases")
@require_POST
def keep_view(request: HttpRequest) -> HttpResponse:
    """Keep the filters of the page under a name, or forget a name."""
    query = kept(QueryDict(request.POST.get("query", "")[:2000]))
    back = redirect(f"{reverse('office_queue')}?{query}")
    if request.POST.get("drop"):
        drop_view(request.user, request.POST["drop"], clock.now())
        messages.success(request, "已删除这组常用筛选。")
        return back
    try:
        made = save_view(request.user, request.POST.get("name", ""), query, clock.now())
    except Refused as refused:
        messages.error(request, refused.message)
        return back
    messages.success(request, f"已保存常用筛选“{made.name}”。")
    return back


@requires("vouchers.assign_case")
@require_POST
def assign(request: HttpRequest, pk: str) -> HttpResponse:
    """Give a case to a reviewer."""
    found = get_object_or_404(pages_queue.visible_cases(request.user), pk=pk)
    asked = request.POST.get("reviewer", "")
    chosen = next((each for each in reviewers() if str(each.pk) == asked), None)
    if chosen is None:
        messages.error(request, "请选择经办人；可选的人须有初审权限。")
        return redirect("office_case", pk=found.pk)
    made = assign_case(
        found,
        chosen,
        reason=request.POST.get("reason", "")[:500],
        actor=actor_of(request, "approver"),
        at=clock.now(),
    )
    messages.success(request, f"已分派给{made.reviewer_name}。")
    return redirect("office_case", pk=found.pk)


@requires("vouchers.review_application")
@require_POST
def take(request: HttpRequest, pk: str) -> HttpResponse:
    """Take a case nobody works on."""
    found = get_object_or_404(pages_queue.takeable(request.user), pk=pk)
    take_case(found, request.user, actor=actor_of(request, "reviewer"), at=clock.now())
    messages.success(request, "已领取，由您经办。")
    return redirect("office_case", pk=found.pk)


urlpatterns = [
    path("", queue, name="office_queue"),
    path("views/", keep_view, name="office_keep_view"),
    path("cases/<uuid:pk>/assign/", assign, name="office_assign"),
    path("cases/<uuid:pk>/take/", take, name="office_take"),
]
