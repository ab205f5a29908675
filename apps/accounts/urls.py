"""The paths of accounts, under `/api/`."""

from django.urls import URLPattern, URLResolver, path

from apps.accounts import views
from datalinx.api.routing import Router

router = Router()
router.register("organizations", views.OrganizationsViewSet, "organization")
router.register("users", views.UserViewSet, "user")
router.register("roles", views.RoleViewSet, "role")

urlpatterns: list[URLPattern | URLResolver] = [
    path("auth/login", views.LoginView.as_view()),
    path("auth/refresh", views.RefreshView.as_view()),
    path("auth/logout", views.LogoutView.as_view()),
    path("auth/password", views.PasswordView.as_view()),
    path("permissions", views.PermissionsView.as_view()),
    *router.urls,
]
