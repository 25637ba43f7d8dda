"""Each source's own dirt, line by line."""

from datetime import UTC, datetime

import pytest

from providers.profiles import PROFILES, Declared, read_eagle, read_openb, read_philly, read_sacct

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
OPENB = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,"
    "creation_time,deletion_time,scheduled_time"
)
PHILLY = "timestamp,duration,num_gpus,gpu_time,cluster"
EAGLE = "job_id,user,account,partition,qos,gpus_req,start_time,end_time,run_time,state"


def pods(*rows: str, **declared):
    return list(read_openb([OPENB, *rows], Declared(epoch=EPOCH, **declared)))


def jobs(*rows: str):
    return list(read_philly([PHILLY, *rows], Declared("America/Los_Angeles", model="m")))


def test_a_pod_uses_a_share_from_its_scheduling_to_its_deletion():
    (pod,) = pods("p1,1,1,1,460,T4,LS,Running,10,3610,10")
    assert pod.record == {
        "record_id": "openb:p1",
        "device_model": "T4",
        "device_count": "1",
        "share_milli": "460",
        "job_state": "running",
        "started_at": "2026-01-01T00:00:10Z",
        "ended_at": "2026-01-01T01:00:10Z",
    }


def test_a_pod_never_scheduled_ends_where_it_begins():
    (pod,) = pods("p1,1,1,1,1000,,LS,Pending,10,3610,")
    assert pod.record["started_at"] == pod.record["ended_at"] == "2026-01-01T00:00:10Z"
    assert pod.findings == ["从未调度"]
    assert pod.record["device_model"] == "unspecified"


@pytest.mark.parametrize(
    ("count", "milli", "share"), [("0", "0", "1000"), ("8", "1000", "1000"), ("1", "1", "1")]
)
def test_the_share_is_that_of_one_device(count, milli, share):
    (pod,) = pods(f"p,1,1,{count},{milli},T4,LS,Running,0,1,0")
    assert (pod.record["device_count"], pod.record["share_milli"]) == (count, share)


def test_alternatives_are_passed_on_and_a_blank_model_takes_what_is_declared():
    first, second = pods(
        "a,1,1,1,1000,V100M16|V100M32,LS,Running,0,1,0",
        "b,1,1,1,1000,,LS,Running,0,1,0",
        model="nvidia-t4",
    )
    assert first.record["device_model"] == "V100M16|V100M32"
    assert second.record["device_model"] == "nvidia-t4"


def test_an_exact_repeat_is_a_suspect_with_its_own_id():
    line = "2017-10-09 07:01:55,66.0,1,66.0,11cb48"
    first, second = jobs(line, line)
    assert (first.repeat, second.repeat) == (False, True)
    assert first.record["record_id"] != second.record["record_id"]
    assert first.record["device_seconds"] == "66"


def test_local_times_follow_the_declared_zone_over_a_clock_change():
    summer, winter = jobs(
        "2017-11-05 00:30:00,7200.0,1,7200.0,c", "2017-11-05 02:30:00,60.0,1,60.0,c"
    )
    assert summer.record["started_at"] == "2017-11-05T07:30:00Z"
    assert summer.record["ended_at"] == "2017-11-05T09:30:00Z"
    assert winter.record["started_at"] == "2017-11-05T10:30:00Z"


def test_a_supplied_total_is_checked_and_never_taken():
    (job,) = jobs("2017-10-09 07:01:55,66.0,2,66.0,c")
    assert job.findings == ["自报卡时与时长不符"]
    assert job.ended_at - job.started_at == (EPOCH.replace(second=6, minute=1) - EPOCH)


def test_float_noise_in_seconds_is_read_exactly():
    (job,) = jobs("2017-10-09 07:01:55,475.00000000000006,1,475.00000000000006,c")
    assert job.record["ended_at"] == "2017-10-09T14:09:50Z"


def test_the_line_is_the_id_where_job_ids_repeat():
    row = "7,u,a1,partition001,n,16,2019-01-01 08:00:00,2019-01-01 09:00:00,3600.0,TIMEOUT"
    first, second = read_eagle([EAGLE, row, row], Declared("America/Denver"))
    assert first.record["record_id"] == "eagle:line-2"
    assert second.record["record_id"] == "eagle:line-3"
    assert first.record["job_ref"] == "7"
    assert first.record["job_state"] == "failed"


def sacct(**changes) -> str:
    cells = ["1", "1_2", "cl", "part", "q", "acct", "g", "1", "u", "2"]
    cells += ["2016-12-22T07:15:12", "2016-12-22T07:15:12", "2016-12-22T07:15:13"]
    cells += ["2016-12-22T08:15:13", "01:00:00", "0:0", "COMPLETED", "1", "12", "12", "31000Mn"]
    cells += ["gres/gpu=9", "billing=12,cpu=12,gres/gpu=2,mem=1M,node=1", "1-00:00:00", "n", "h"]
    for place, value in changes.items():
        cells[int(place.removeprefix("f")) - 1] = value
    return "|".join(cells) + "\n"


def one(**changes):
    (job,) = read_sacct([sacct(**changes)], Declared("America/New_York", model="m"))
    return job


def test_slurm_bills_the_allocated_devices_not_the_requested():
    assert one().record["device_count"] == "2"
    assert one(f23="billing=1,cpu=1").record["device_count"] == "0"
    assert one(f23="cpu=1,gres/gpu:a100=4").record["device_count"] == "4"


def test_slurm_states_are_normalised():
    assert one(f17="CANCELLED by 380693").record["job_state"] == "cancelled"
    assert one(f17="NEW_WORD").record["job_state"] == "unknown"


def test_a_running_job_is_open_and_one_that_never_started_is_zero():
    assert one(f14="Unknown", f17="RUNNING").ended_at is None
    waiting = one(f13="Unknown", f14="2016-12-22T08:15:13", f17="CANCELLED by 1")
    assert waiting.started_at == waiting.ended_at


def test_an_elapsed_time_that_differs_is_a_finding():
    assert one(f15="1-01:00:00").findings == ["自报时长与起止不符"]
    assert one().findings == []


def test_a_line_with_other_fields_is_named():
    with pytest.raises(ValueError, match="line 1: 3 fields"):
        list(read_sacct(["a|b|c"], Declared("UTC")))


def test_every_profile_has_what_it_needs_declared():
    assert all(each.declared.zone or each.declared.epoch for each in PROFILES.values())
