"""When the clock itself asks for something. Times are Shanghai's (``CELERY_TIMEZONE``).

Closing a notice or a month is a person's act and never stands here.
"""

from typing import Any

from celery.schedules import crontab

SCHEDULE: dict[str, dict[str, Any]] = {
    "ring again for work that nobody holds": {
        "task": "config.tasks.sweep",
        "schedule": 10.0,
        "options": {"expires": 10},  # rings must not pile up while no worker lives
    },
    "have the newest checkpoint witnessed": {
        "task": "config.tasks.witness_log",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "have the newest checkpoint time stamped": {
        "task": "config.tasks.stamp_log",
        "schedule": crontab(minute=7),
        "options": {"expires": 3600},
    },
    "roll up the accounts that moved": {
        "task": "config.tasks.roll_up",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "try webhooks again whose pause is over": {
        "task": "config.tasks.deliver_webhooks",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "hand in the mails that wait": {
        "task": "config.tasks.deliver_mail",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "have files in quarantine looked through": {
        "task": "config.tasks.scan_files",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "write the letters that decisions call for": {
        "task": "config.tasks.write_letters",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "tell providers which keys end soon": {
        "task": "config.tasks.warn_of_keys",
        "schedule": crontab(hour=8, minute=30),
    },
    "forget nonces and windows that are over": {
        "task": "config.tasks.forget_uses",
        "schedule": crontab(minute=20),
        "options": {"expires": 3600},
    },
    "set money aside for who is next in line": {
        "task": "config.tasks.allocate_budget",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "remind holders of vouchers that lapse soon": {
        "task": "config.tasks.remind_holders_of_vouchers",
        "schedule": crontab(hour=9, minute=0),
    },
    "let vouchers lapse whose last day is over": {
        "task": "config.tasks.expire_vouchers",
        "schedule": crontab(hour=0, minute=5),
    },
    "let silence count where a delivery is proved": {
        "task": "config.tasks.deem_statements",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "let applications lapse that nobody answered in time": {
        "task": "config.tasks.lapse_applications",
        "schedule": crontab(hour=0, minute=15),
    },
    "let each tree of the log remember the other": {
        "task": "config.tasks.cross_checkpoints",
        "schedule": crontab(hour=1, minute=15),
    },
    "draw the words under which entries of the log are found": {
        "task": "config.tasks.index_log",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "look for what is odd in the usage": {
        "task": "config.tasks.look_for_oddities",
        "schedule": crontab(minute=41),
        "options": {"expires": 3600},
    },
    "remove raw uploads whose time is over": {
        "task": "config.tasks.remove_raw_uploads",
        "schedule": crontab(hour=3, minute=40),
    },
    "give what people search for its row": {
        "task": "config.tasks.index_names",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 300},
    },
    "remove exported lists whose day is over": {
        "task": "config.tasks.remove_exports",
        "schedule": crontab(minute=52),
        "options": {"expires": 3600},
    },
    "check the books every night": {
        "task": "config.tasks.check_books",
        "schedule": crontab(hour=2, minute=30),
    },
}
