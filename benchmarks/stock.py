"""The same rows as Django REST framework serves them when nothing is tuned: the URLs of B5, ours and the stock ones."""

from django.urls import path
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import ModelSerializer
from rest_framework.throttling import UserRateThrottle
from rest_framework.viewsets import ModelViewSet
from rest_framework_simplejwt.authentication import JWTAuthentication

from apps.workspaces.models import Workspace
from datalinx.urls import urlpatterns as ours


class _Serializer(ModelSerializer):  # type: ignore[type-arg]
    class Meta:
        model = Workspace
        fields = ("id", "name", "config", "created_at", "updated_at")


class _Throttle(UserRateThrottle):
    rate = "1000000/min"


class _Pages(PageNumberPagination):
    page_size = 50


class StockViewSet(ModelViewSet):  # type: ignore[type-arg]
    """A view set as the tutorial has it."""

    queryset = Workspace.objects.order_by("name")
    serializer_class = _Serializer
    pagination_class = _Pages
    authentication_classes = [JWTAuthentication]
    permission_classes = [IsAuthenticated]
    throttle_classes = [_Throttle]
    renderer_classes = [JSONRenderer]
    filter_backends = []


urlpatterns = [*ours, path("stock/workspaces", StockViewSet.as_view({"get": "list"}))]
