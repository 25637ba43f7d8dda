# The house on one machine. `make run` is all a newcomer needs; see README.md.
PYTHON_RUN = .venv/bin/python -m deploy.launcher

.DEFAULT_GOAL := help
.PHONY: help setup setup-test run demo year test check bench fuzz verify verifier shell clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv from the hashed lock, add system libraries, build the assets
	@sh deploy/bootstrap.sh

run: setup ## play the demonstration month on an empty database, then serve http://127.0.0.1:8000
	@$(PYTHON_RUN) run

demo: setup ## the demonstration month without serving; writes var/demo/summary.json
	@$(PYTHON_RUN) demo

year: setup ## a demonstration year on an empty database: twelve months closed, paid, reported
	@DEMO_STORY=seed_year $(PYTHON_RUN) demo

setup-test:
	@sh deploy/bootstrap.sh test

test: setup-test ## every test on throw-away servers; make test ARGS="tests/ledger -k proof"
	@$(PYTHON_RUN) test $(ARGS)

check: setup-test ## all that CI does: lint, format, types, imports, migrations, tests
	@$(PYTHON_RUN) check $(ARGS)

bench: setup ## benchmarks as ratios; make bench NAME=p4 SIZE=100000
	@$(PYTHON_RUN) bench $(NAME) $(if $(SIZE),--size $(SIZE))

fuzz: setup-test ## fuzz a decoder guided by coverage; make fuzz NAME=csv SECONDS=60
	@.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r fuzz.txt
	@.venv/bin/python -m tests.fuzzing $(or $(NAME),csv) --seconds $(or $(SECONDS),60)

verify: setup ## export the log of var/ and check it with the stand-alone verifier
	@$(PYTHON_RUN) verify

verifier: setup ## write the stand-alone verifier as one file, voucher-verify.pyz
	@.venv/bin/python -m ledger.standalone voucher-verify.pyz

shell: setup ## any command with the servers up; make shell CMD="manage.py check_books"
	@$(PYTHON_RUN) with $(CMD)

clean: ## forget the data, the environment and everything built
	@[ ! -e var/launcher.lock ] || flock -n var/launcher.lock true || { echo "这里有一个正在运行（make run）：请先停止它"; exit 1; }
	rm -rf .venv var static/build node_modules .setup.log .setup.lock
