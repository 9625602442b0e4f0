import eu.europa.esig.dss.enumerations.DigestAlgorithm;
import eu.europa.esig.dss.enumerations.EncryptionAlgorithm;
import eu.europa.esig.dss.enumerations.SignatureAlgorithm;
import eu.europa.esig.dss.enumerations.SignatureLevel;
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.InMemoryDocument;
import eu.europa.esig.dss.model.SignatureValue;
import eu.europa.esig.dss.model.ToBeSigned;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.pades.PAdESSignatureParameters;
import eu.europa.esig.dss.pades.SignatureImageParameters;
import eu.europa.esig.dss.pades.signature.PAdESService;
import eu.europa.esig.dss.pades.validation.PDFDocumentValidator;
import eu.europa.esig.dss.pdf.IPdfObjFactory;
import eu.europa.esig.dss.pdf.ServiceLoaderPdfObjFactory;
import eu.europa.esig.dss.pdf.modifications.DefaultPdfDifferencesFinder;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * EU DSS as it signs and validates in a loop of one thread, told on standard input what to do next.
 *
 * <p>Usage: {@code Speed ROOTS.pem TSA_URL KEYS}, where KEYS holds NAME.key (PKCS#8, DER) and NAME.pem (certificate and chain). A line is
 * tab-separated: {@code sign LEVEL PSS|PLAIN|ECDSA NAME FILE FIELD SECONDS OUT} or {@code validate pictures|plain FILE SECONDS}. The
 * answer is {@code ok COUNT SECONDS WHAT} or {@code error SENTENCE}. OUT gets the last document, for the judges.
 */
public final class Speed {

    private final Loopback network = new Loopback(url -> { });
    private final CommonTrustedCertificateSource roots;
    private final PAdESService service;
    private final Path keys;
    private final Map<String, PrivateKey> opened = new HashMap<>();
    private final Map<String, List<CertificateToken>> chains = new HashMap<>();

    private Speed(Path pem, String tsa, Path keys) throws Exception {
        roots = Loopback.roots(pem);
        service = new PAdESService(network.verifier(roots));
        service.setTspSource(network.stamps(tsa));
        this.keys = keys;
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Speed speed = new Speed(Path.of(arguments[0]), arguments[1], Path.of(arguments[2]));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            try {
                out.println(speed.run(line.split("\t")));
            } catch (Exception error) {
                out.println("error\t" + (error.getClass().getSimpleName() + ": " + error.getMessage()).replaceAll("\\s+", " "));
            }
        }
    }

    private String run(String[] order) throws Exception {
        return switch (order[0]) {
            case "sign" -> sign(order);
            case "validate" -> validate(order);
            default -> throw new IllegalArgumentException(order[0]);
        };
    }

    private String sign(String[] order) throws Exception {
        InMemoryDocument document = new InMemoryDocument(Files.readAllBytes(Path.of(order[4])), "document.pdf");
        PrivateKey key = key(order[3]);
        List<CertificateToken> chain = chain(order[3]);
        DSSDocument[] signed = new DSSDocument[1];
        String told = loop(Double.parseDouble(order[6]), () -> signed[0] = sign(document, order, key, chain));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        signed[0].writeTo(bytes);
        Files.write(Path.of(order[7]), bytes.toByteArray());
        return told + order[1];
    }

    private DSSDocument sign(DSSDocument document, String[] order, PrivateKey key, List<CertificateToken> chain)
            throws Exception {
        PAdESSignatureParameters parameters = new PAdESSignatureParameters();
        parameters.setSignatureLevel(SignatureLevel.valueByName(order[1]));
        parameters.setDigestAlgorithm(DigestAlgorithm.SHA256);
        parameters.setSigningCertificate(chain.get(0));
        parameters.setCertificateChain(chain);
        if ("PSS".equals(order[2])) {
            parameters.setEncryptionAlgorithm(EncryptionAlgorithm.RSASSA_PSS);
        }
        SignatureImageParameters image = new SignatureImageParameters();
        image.getFieldParameters().setFieldId(order[5]);
        parameters.setImageParameters(image);
        parameters.bLevel().setSigningDate(new Date());
        ToBeSigned asked = service.getDataToSign(document, parameters);
        SignatureAlgorithm algorithm = parameters.getSignatureAlgorithm();
        return service.signDocument(document, parameters, new SignatureValue(algorithm, raw(asked, algorithm, key)));
    }

    /** As DSS's own token classes do it, with Java's providers. */
    private static byte[] raw(ToBeSigned asked, SignatureAlgorithm algorithm, PrivateKey key) throws Exception {
        boolean pss = algorithm.getEncryptionAlgorithm() == EncryptionAlgorithm.RSASSA_PSS;
        Signature signature = Signature.getInstance(pss ? "RSASSA-PSS" : algorithm.getJCEId());
        signature.initSign(key);
        if (pss) {
            signature.setParameter(new java.security.spec.PSSParameterSpec(
                    "SHA-256", "MGF1", java.security.spec.MGF1ParameterSpec.SHA256, 32, 1));
        }
        signature.update(asked.getBytes());
        return signature.sign();
    }

    private String validate(String[] order) throws Exception {
        InMemoryDocument document = new InMemoryDocument(Files.readAllBytes(Path.of(order[2])), "document.pdf");
        SimpleReport[] report = new SimpleReport[1];
        String told = loop(Double.parseDouble(order[3]), () -> report[0] = validate(document, order[1]));
        StringBuilder said = new StringBuilder();
        for (String id : report[0].getSignatureIdList()) {
            said.append(report[0].getIndication(id)).append(' ').append(report[0].getSignatureFormat(id)).append(' ');
        }
        return told + said.toString().trim();
    }

    /** With what the file itself carries; "plain" compares no pictures of pages. */
    private SimpleReport validate(DSSDocument document, String how) {
        PDFDocumentValidator validator = new PDFDocumentValidator(document);
        CommonCertificateVerifier verifier = new CommonCertificateVerifier();
        verifier.setTrustedCertSources(roots);
        validator.setCertificateVerifier(verifier);
        if ("plain".equals(how)) {
            IPdfObjFactory factory = new ServiceLoaderPdfObjFactory();
            DefaultPdfDifferencesFinder finder = new DefaultPdfDifferencesFinder();
            finder.setMaximalPagesAmountForVisualComparison(0);
            factory.setPdfDifferencesFinder(finder);
            validator.setPdfObjFactory(factory);
        }
        return validator.validateDocument().getSimpleReport();
    }

    private interface Work {
        void run() throws Exception;
    }

    /** At least once, then until the time is over. */
    private static String loop(double seconds, Work work) throws Exception {
        long start = System.nanoTime();
        long end = start + (long) (seconds * 1e9);
        long count = 0;
        long now;
        do {
            work.run();
            count++;
            now = System.nanoTime();
        } while (now < end);
        return "ok\t" + count + "\t" + (now - start) / 1e9 + "\t";
    }

    private PrivateKey key(String name) throws Exception {
        if (!opened.containsKey(name)) {
            PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(Files.readAllBytes(keys.resolve(name + ".key")));
            String kind = "EC".equals(chain(name).get(0).getPublicKey().getAlgorithm()) ? "EC" : "RSA";
            opened.put(name, KeyFactory.getInstance(kind).generatePrivate(spec));
        }
        return opened.get(name);
    }

    private List<CertificateToken> chain(String name) throws Exception {
        if (!chains.containsKey(name)) {
            try (InputStream in = Files.newInputStream(keys.resolve(name + ".pem"))) {
                chains.put(name, new ArrayList<>(DSSUtils.loadCertificateFromP7c(in)));
            }
        }
        return chains.get(name);
    }
}
