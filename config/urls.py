"""Audience -> doors. The address says who a page is for; the room says what it is about."""

from django.contrib.auth import views as auth_views
from django.urls import include, path

from ledger.rights import public

urlpatterns = [
    path("", include("vouchers.portal")),
    path(
        "login/",
        public(auth_views.LoginView.as_view(http_method_names=["get", "head", "post"])),
        name="login",
    ),
    path("logout/", public(auth_views.LogoutView.as_view()), name="logout"),
    path("portal/", include("vouchers.portal_apply")),
    path("portal/orders/", include("providers.portal")),
    path("portal/statements/", include("billing.portal")),
    path("office/vouchers/", include("vouchers.office")),
    path("office/vouchers/", include("vouchers.office_budget")),
    path("office/books/", include("ledger.office")),
    path("office/providers/", include("providers.office")),
    path("office/providers/", include("providers.office_metering")),
    path("office/providers/", include("providers.office_desk")),
    path("office/log/", include("ledger.office_log")),
    path("office/", include("billing.office")),
    path("office/", include("billing.office_money")),
    path("console/", include("providers.console")),
    path("console/", include("providers.console_records")),
    path("console/", include("providers.console_guide")),
    path("console/", include("providers.console_calendar")),
    path("console/", include("providers.console_trade")),
    path("console/statements/", include("billing.console")),
    path("public/", include("vouchers.public")),
    path("public/", include("providers.public")),
    path("public/", include("billing.public")),
    path("public/log/", include("ledger.public_log")),
    path("public/log/", include("ledger.public")),
    path("api/v1/", include("providers.api_counting")),
    path("api/v1/", include("providers.api")),
    path("", include("config.frame")),
    path("", include("config.health")),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.forbidden"
handler404 = "config.errors.not_found"
handler500 = "config.errors.broken"
