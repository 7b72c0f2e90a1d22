#!/bin/sh
# The C# runner of ffi-tests/judges/scenarios: scenario_runner.sh server|client. Compiled before with tests/run.py --scenarios.
here=$(cd "$(dirname "$0")" && pwd)
place=$here/../../target/dotnet
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_TieredPGO=0 DOTNET_gcServer=0
exec "$place/runtime/dotnet" "$place/out/ScenarioRunner.dll" "$@"
