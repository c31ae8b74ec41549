# Runs the task of hello.py as a control plane would start it in a container: cold_action.sh A0
set -e
rm -rf cold
mkdir -p cold/base/a0 cold/out
: > cold/base/a0/inputs.pb
here=$(pwd)
export ACTION_NAME=a0 RUN_NAME=r1 FLYTE_INTERNAL_EXECUTION_PROJECT=p FLYTE_INTERNAL_EXECUTION_DOMAIN=d
export FLYTE_ATTEMPT_NUMBER=0 _U_ORG_NAME=o _U_RUN_BASE="$here/cold/base" _U_EP_OVERRIDE=localhost:1 _U_INSECURE=1 _U_USE_ACTIONS=1
"$1" --inputs "$here/cold/base/a0/inputs.pb" --outputs-path "$here/cold/out" --version v1 --raw-data-path "$here/cold/out" \
    --checkpoint-path "$here/cold/out/checkpoints" --prev-checkpoint '""' --run-name r1 --name a0 \
    --run-start-time '{{.runStartTime}}' --dest . \
    --resolver flyte._internal.resolvers.default.DefaultTaskResolver mod hello instance main
if grep -q "hello bench" cold/out/outputs.pb; then echo "the action is over"; fi
