// Package kubeconfig writes and changes kubeconfigs with one cluster, one user and one context.
package kubeconfig

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig is the whole content of a kubeconfig; certificates and keys are PEM.
type Kubeconfig struct {
	Cluster, User, Context string
	Server                 string
	Insecure               bool // no verification: then no authority is written
	Authority              []byte
	Certificate, Key       []byte
}

// Encode returns the kubeconfig as YAML.
func (k Kubeconfig) Encode() ([]byte, error) {
	config := api.NewConfig()
	config.Clusters[k.Cluster] = &api.Cluster{Server: k.Server, CertificateAuthorityData: k.Authority}
	if k.Insecure {
		config.Clusters[k.Cluster] = &api.Cluster{Server: k.Server, InsecureSkipTLSVerify: true}
	}
	config.AuthInfos[k.User] = &api.AuthInfo{ClientCertificateData: k.Certificate, ClientKeyData: k.Key}
	config.Contexts[k.Context] = &api.Context{Cluster: k.Cluster, AuthInfo: k.User}
	config.CurrentContext = k.Context
	text, err := clientcmd.Write(*config)
	if err != nil {
		return nil, fmt.Errorf("write the kubeconfig of %s: %w", k.User, err)
	}
	return text, nil
}

// Decode reads the current context of a kubeconfig.
func Decode(text []byte) (Kubeconfig, error) {
	config, err := clientcmd.Load(text)
	if err != nil {
		return Kubeconfig{}, fmt.Errorf("read a kubeconfig: %w", err)
	}
	current, ok := config.Contexts[config.CurrentContext]
	if !ok {
		return Kubeconfig{}, fmt.Errorf("the kubeconfig has no context %q", config.CurrentContext)
	}
	cluster, user := config.Clusters[current.Cluster], config.AuthInfos[current.AuthInfo]
	if cluster == nil || user == nil {
		return Kubeconfig{}, fmt.Errorf("the context %q has no cluster or no user", config.CurrentContext)
	}
	return Kubeconfig{
		Cluster: current.Cluster, User: current.AuthInfo, Context: config.CurrentContext,
		Server: cluster.Server, Insecure: cluster.InsecureSkipTLSVerify, Authority: cluster.CertificateAuthorityData,
		Certificate: user.ClientCertificateData, Key: user.ClientKeyData,
	}, nil
}
