// Command authenticator is the authenticator alone.
package main

import (
	"harbour/authenticator"
	"harbour/serve"
)

func main() { serve.Main("authenticator", authenticator.New) }
