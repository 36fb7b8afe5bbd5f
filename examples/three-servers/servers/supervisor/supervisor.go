// Package supervisor gives a token to whoever the authenticator knows, and tells others how to check it.
package supervisor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"harbour/serve"
)

// Valid is how long a token is.
const Valid = 5 * time.Minute

// New makes a key that lives as long as the process.
func New() (http.Handler, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "1")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		return nil, err
	}
	authenticator := serve.Setting("AUTHENTICATOR", "http://authenticator:8080")
	client := &http.Client{Timeout: 5 * time.Second}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /jwks.json", func(out http.ResponseWriter, _ *http.Request) {
		public := jose.JSONWebKey{Key: key.Public(), KeyID: "1", Algorithm: string(jose.ES256), Use: "sig"}
		serve.JSON(out, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	})
	mux.HandleFunc("POST /token", func(out http.ResponseWriter, request *http.Request) {
		name, password, _ := request.BasicAuth()
		question, err := http.NewRequestWithContext(request.Context(), http.MethodPost, authenticator+"/authenticate", nil)
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
		question.SetBasicAuth(name, password)
		answer, err := client.Do(question)
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadGateway)
			return
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			http.Error(out, "the authenticator says no", http.StatusUnauthorized)
			return
		}
		now := time.Now()
		claims := jwt.Claims{
			Issuer: "harbour-supervisor", Subject: name, Audience: jwt.Audience{"harbour"},
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(Valid)),
		}
		token, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
		serve.JSON(out, map[string]string{"token": token})
	})
	return mux, nil
}
