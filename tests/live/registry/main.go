// A registry with the referrers API, for the live suite: go-containerregistry's own, on a port of loopback.
package main

import (
	"log"
	"net"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	blobs := registry.NewDiskBlobHandler(os.Args[2])
	log.Fatal(http.Serve(listener, registry.New(registry.WithReferrersSupport(true), registry.WithBlobHandler(blobs))))
}
