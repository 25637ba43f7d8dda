"""Fill the table of holidays with the years that are announced; later years come by command."""

from datetime import UTC, datetime

import chinese_calendar
from chinese_calendar.constants import Holiday as Named
from django.db import migrations

YEARS = (2024, 2025, 2026)
SOURCE = "国务院办公厅节假日安排（chinesecalendar 1.11）"
WORDS = {each.value: each.chinese for each in Named}


def fill(apps, _schema_editor):
    calendar_year = apps.get_model("vouchers", "CalendarYear")
    holiday = apps.get_model("vouchers", "Holiday")
    for year in YEARS:
        row, fresh = calendar_year.objects.get_or_create(
            year=year,
            defaults={"source": SOURCE, "loaded_at": datetime(2026, 1, 1, tzinfo=UTC)},
        )
        if not fresh:
            continue
        for days, is_off in ((chinese_calendar.holidays, True), (chinese_calendar.workdays, False)):
            holiday.objects.bulk_create(
                holiday(calendar_year=row, day=day, is_off=is_off, name=WORDS[name])
                for day, name in sorted(days.items())
                if day.year == year
            )


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0002_guards")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
