"""Door: to be filled by its room."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
