import eu.europa.esig.dss.service.crl.OnlineCRLSource;
import eu.europa.esig.dss.service.http.commons.CommonsDataLoader;
import eu.europa.esig.dss.service.http.commons.OCSPDataLoader;
import eu.europa.esig.dss.service.http.commons.TimestampDataLoader;
import eu.europa.esig.dss.service.ocsp.OnlineOCSPSource;
import eu.europa.esig.dss.service.tsp.OnlineTSPSource;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.aia.DefaultAIASource;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** What DSS may reach: responders, lists, issuers and time stamps on this machine, nothing else; each address is told to {@code heard}. */
final class Loopback {

    private static final int TIMEOUT = 5000;

    private final Consumer<String> heard;

    Loopback(Consumer<String> heard) {
        this.heard = heard;
    }

    static CommonTrustedCertificateSource roots(Path pem) throws Exception {
        CommonTrustedCertificateSource roots = new CommonTrustedCertificateSource();
        try (InputStream in = Files.newInputStream(pem)) {
            DSSUtils.loadCertificateFromP7c(in).forEach(roots::addCertificate);
        }
        return roots;
    }

    /** A verifier that trusts these roots and asks AIA, OCSP and CRL addresses. */
    CommonCertificateVerifier verifier(CommonTrustedCertificateSource roots) {
        CommonsDataLoader loader = new CommonsDataLoader() {
            @Override
            public byte[] get(String url) {
                ask(url);
                return super.get(url);
            }
        };
        OCSPDataLoader ocsp = new OCSPDataLoader() {
            @Override
            public byte[] post(String url, byte[] content) {
                ask(url);
                return super.post(url, content);
            }
        };
        CommonCertificateVerifier verifier = new CommonCertificateVerifier();
        verifier.setTrustedCertSources(roots);
        verifier.setAIASource(new DefaultAIASource(bounded(loader)));
        verifier.setOcspSource(new OnlineOCSPSource(bounded(ocsp)));
        verifier.setCrlSource(new OnlineCRLSource(bounded(loader)));
        return verifier;
    }

    OnlineTSPSource stamps(String tsa) {
        TimestampDataLoader loader = new TimestampDataLoader() {
            @Override
            public byte[] post(String url, byte[] content) {
                ask(url);
                return super.post(url, content);
            }
        };
        return new OnlineTSPSource(tsa, bounded(loader));
    }

    private static <L extends CommonsDataLoader> L bounded(L loader) {
        loader.setTimeoutConnection(TIMEOUT);
        loader.setTimeoutSocket(TIMEOUT);
        return loader;
    }

    /** Where DSS went; anything but this machine is refused. */
    private void ask(String url) {
        heard.accept(url);
        String host = java.net.URI.create(url).getHost();
        if (!"127.0.0.1".equals(host)) {
            throw new IllegalStateException("not on this machine: " + url);
        }
    }
}
