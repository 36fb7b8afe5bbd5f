// Command harbour is all three servers: which one it is, the name says that it is called by.
package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"harbour/authenticator"
	"harbour/concierge"
	"harbour/serve"
	"harbour/supervisor"
)

var servers = map[string]func() (http.Handler, error){
	"authenticator": authenticator.New,
	"concierge":     concierge.New,
	"supervisor":    supervisor.New,
}

func main() {
	name := filepath.Base(os.Args[0])
	server, known := servers[name]
	if !known {
		fmt.Fprintf(os.Stderr, "harbour: there is no server %q: call it by a link named authenticator, concierge or supervisor\n", name)
		os.Exit(2)
	}
	serve.Main(name, server)
}
