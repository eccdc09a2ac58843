# Two commands, each of which sets up everything it needs by itself, on a bare Debian 12 with
# python3, make and root: `make demo` and `make test`.
VENV := .venv
FAB := $(VENV)/bin/fab
# How many are tested at a time: twice the processors of a small machine, since tests wait half
# of their time.
SERVERS := 4

.PHONY: demo test lint unit hosts matrix bench clean

demo: $(VENV)/ready
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" sh docs/demo.sh

# Style and types, then the tests that need no server, then real servers in the sandbox.
test: lint unit paramiko35 hosts

lint: $(VENV)/ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

unit: $(VENV)/ready
	$(VENV)/bin/pytest tests --ignore tests/e2e -n auto

hosts: $(VENV)/ready
	$(VENV)/bin/pytest tests/e2e -n $(SERVERS) --dist loadscope -v

# The same on every system.
matrix: $(VENV)/ready
	$(VENV)/bin/pytest tests/e2e -n $(SERVERS) --dist loadscope -v \
	    --systems debian11,debian12,debian13,el6

# Everything, for hours; benchmarks/README.md says how to measure less.
bench: $(VENV)/ready
	$(VENV)/bin/python -m benchmarks --save
	$(VENV)/bin/python -m benchmarks.simulated --save

# What Debian keeps in packages of its own, then everything from setup.cfg.
$(VENV)/ready: setup.cfg pyproject.toml
	@python3 -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory apt-python3-venv
	@for tool in busybox chromium-headless-shell; do \
	    command -v $$tool >/dev/null || [ "$$(id -u)" != 0 ] || $(MAKE) --no-print-directory apt-$$tool; done
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --editable '.[test]'
	$(VENV)/bin/python -m compileall -q fabfile tasks
	@touch $@

apt-%:
	apt-get update -q
	apt-get install -y -q --no-install-recommends $*

clean: $(VENV)/ready
	$(FAB) sandbox.down
	rm -rf $(VENV) $(VENV)-paramiko35

.PHONY: test-faults
# Faults at the points of a deploy, on real servers: nothing is lost.
test-faults: $(VENV)/ready
	$(VENV)/bin/python -m tests.fault_injection

# What each looks for: a secret out of its place; a value or a server that gets its way.
.PHONY: test-secrets test-hostile

test-secrets: $(VENV)/ready
	MAILFAB_TRIES=1000 $(VENV)/bin/python -m pytest -p tests.tally --tally leaks \
	    tests/secret_leaks/test_messages.py tests/secret_leaks/first_deploy.py

test-hostile: $(VENV)/ready
	MAILFAB_TRIES=300 $(VENV)/bin/python -m pytest -p tests.tally --tally escapes \
	    tests/fuzz tests/e2e/test_hostile.py --systems debian12

# The SSH tests with the oldest paramiko that setup.cfg allows, in an environment of its own.
.PHONY: paramiko35
paramiko35: $(VENV)-paramiko35/ready
	$(VENV)-paramiko35/bin/pytest tests/ssh

$(VENV)-paramiko35/ready: setup.cfg | $(VENV)/ready
	python3 -m venv --clear $(VENV)-paramiko35
	$(VENV)-paramiko35/bin/pip install --quiet --editable '.[test]' 'paramiko==3.5.1'
	@touch $@
