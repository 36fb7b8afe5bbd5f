// Command supervisor is the supervisor alone.
package main

import (
	"harbour/serve"
	"harbour/supervisor"
)

func main() { serve.Main("supervisor", supervisor.New) }
