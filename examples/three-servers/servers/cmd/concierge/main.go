// Command concierge is the concierge alone.
package main

import (
	"harbour/concierge"
	"harbour/serve"
)

func main() { serve.Main("concierge", concierge.New) }
