# Every target sets up what it needs by itself, on a bare Debian 12 with python3, make and root.
# `quick` and `lint` do without root where python3-venv is installed.
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
# How many are tested at a time: twice the processors of a small machine, since tests wait half
# of their time.
SERVERS := 4
COVERAGE := --cov --cov-report=
# Deploys real servers too, watched for secrets from outside.
FIRST_DEPLOY := tests/secret_leaks/test_first_deploy.py

.DEFAULT_GOAL := help
.PHONY: help quick demo test lint unit paramiko35 hosts matrix coverage bench constraints \
    release clean test-faults test-secrets test-hostile

help:  ## list these targets
	@awk -F ':.*## *' '/^[a-z0-9-]+:.*## / { printf "    make %-14s %s\n", $$1, $$2 }' Makefile

quick: $(VENV)/ready  ## the fast tests: no root, no server
	$(BIN)/pytest tests/unit -n auto

demo: $(VENV)/runtime  ## boot a throw-away server, deploy it, send and read a message
	PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh

test: lint unit paramiko35 hosts  ## everything that CI runs: style, types, all tests, real servers

lint: $(VENV)/ready  ## ruff, mypy --strict, shellcheck, shfmt
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	.ci/lint-shell

unit: $(VENV)/ready  ## the tests that need no server; ends with the coverage of lines and branches
	$(BIN)/pytest tests --ignore tests/e2e --ignore $(FIRST_DEPLOY) -n auto $(COVERAGE)
	@$(BIN)/coverage report | sed -n "1p;\$$p"

# An environment of its own.
paramiko35: $(VENV)-paramiko35/ready  ## the SSH tests with the oldest paramiko that is allowed
	$(VENV)-paramiko35/bin/pytest tests/ssh

hosts: $(VENV)/ready  ## the tests on real servers: Debian 12, CentOS-6-like
	$(BIN)/pytest tests/e2e $(FIRST_DEPLOY) -n $(SERVERS) --dist loadscope -v

matrix: $(VENV)/ready  ## the same on Debian 11, 12, 13 and the CentOS-6-like system
	$(BIN)/pytest tests/e2e -n $(SERVERS) --dist loadscope -v \
	    --systems debian11,debian12,debian13,el6

coverage: $(VENV)/ready  ## which lines and branches the fast tests miss
	$(BIN)/pytest tests/unit -n auto $(COVERAGE)
	$(BIN)/coverage report --show-missing --skip-covered

test-faults: $(VENV)/ready  ## faults at the points of a deploy, on real servers: nothing is lost
	$(BIN)/python -m tests.fault_injection

test-secrets: $(VENV)/ready  ## look for secrets in the wrong place during a first deploy
	MAILFAB_TRIES=1000 $(BIN)/python -m pytest -p tests.tally --tally leaks \
	    tests/secret_leaks/test_messages.py $(FIRST_DEPLOY)

test-hostile: $(VENV)/ready  ## hostile values and hostile servers
	MAILFAB_TRIES=300 $(BIN)/python -m pytest -p tests.tally --tally escapes \
	    tests/fuzz tests/e2e/test_hostile.py --systems debian12

bench: $(VENV)/ready  ## times beside other tools; hours (benchmarks/README.md says how to do less)
	$(BIN)/python -m benchmarks --save
	$(BIN)/python -m benchmarks.simulated --save

# The newest versions that setup.cfg allows, with the hashes of all their files, for every Python
# that setup.cfg allows.
UV := $(VENV)-uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
    --generate-hashes --custom-compile-command 'make constraints'
constraints: $(VENV)-uv/ready  ## renew requirements/*.txt
	$(UV) setup.cfg requirements/build.in --extra test -o requirements/test.txt
	$(UV) setup.cfg requirements/build.in -c requirements/test.txt -o requirements/runtime.txt
	$(UV) requirements/paramiko35.in --no-deps -o requirements/paramiko35.txt

release:  ## tag the version of setup.cfg; its section in CHANGELOG.md must have a date
	@.ci/release

clean: $(VENV)/runtime  ## remove the throw-away servers and the environments
	$(BIN)/fab sandbox.down
	rm -rf $(VENV) $(VENV)-paramiko35 $(VENV)-uv

# Environments. Packages come from requirements/, whose hashes pip checks. `pip check` fails when
# setup.cfg needs what they do not have: `make constraints` adds it.
INSTALL = $(PIP) install --quiet --require-hashes -r
MAILFAB = $(PIP) install --quiet --no-deps --no-build-isolation --editable .

# What `fab` needs.
$(VENV)/runtime: requirements/runtime.txt setup.cfg pyproject.toml
	@$(MAKE) --no-print-directory debian-venv
	python3 -m venv --clear $(VENV)
	$(INSTALL) requirements/runtime.txt
	$(MAILFAB)
	$(PIP) check
	$(BIN)/python -m compileall -q fabfile tasks
	@touch $@

# What tests and linters need as well.
$(VENV)/ready: requirements/test.txt $(VENV)/runtime
	@$(MAKE) --no-print-directory debian-tools
	$(INSTALL) requirements/test.txt
	@touch $@

$(VENV)-paramiko35/ready: PIP := $(VENV)-paramiko35/bin/pip --disable-pip-version-check
$(VENV)-paramiko35/ready: requirements/test.txt requirements/paramiko35.txt setup.cfg pyproject.toml
	@$(MAKE) --no-print-directory debian-venv debian-openssh
	python3 -m venv --clear $(VENV)-paramiko35
	$(INSTALL) requirements/test.txt
	$(INSTALL) requirements/paramiko35.txt
	$(MAILFAB)
	@touch $@

$(VENV)-uv/ready:
	@$(MAKE) --no-print-directory debian-venv
	python3 -m venv --clear $(VENV)-uv
	$(VENV)-uv/bin/pip install --quiet uv
	@touch $@

# What Debian keeps in packages of its own. Tests skip what needs a tool that is not there.
.PHONY: debian-venv debian-tools debian-openssh
debian-venv:
	@python3 -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory apt-python3-venv

debian-tools:
	@for tool in busybox chromium-headless-shell; do \
	    command -v $$tool >/dev/null || [ "$$(id -u)" != 0 ] || \
	    $(MAKE) --no-print-directory apt-$$tool; done
	@$(MAKE) --no-print-directory debian-openssh

# tests/ssh drives the real ssh and sshd.
debian-openssh:
	@PATH="$$PATH:/usr/sbin"; for tool in client:ssh server:sshd; do \
	    command -v $${tool#*:} >/dev/null || [ "$$(id -u)" != 0 ] || \
	    $(MAKE) --no-print-directory apt-openssh-$${tool%:*}; done

apt-%:
	@[ "$$(id -u)" = 0 ] || { echo "Debian's package $* is missing: install it as root" >&2; exit 1; }
	apt-get update -q
	apt-get install -y -q --no-install-recommends $*
