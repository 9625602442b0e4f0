import eu.europa.esig.dss.diagnostic.CertificateRevocationWrapper;
import eu.europa.esig.dss.diagnostic.CertificateWrapper;
import eu.europa.esig.dss.diagnostic.DiagnosticData;
import eu.europa.esig.dss.diagnostic.SignatureWrapper;
import eu.europa.esig.dss.diagnostic.TimestampWrapper;
import eu.europa.esig.dss.diagnostic.jaxb.XmlObjectModification;
import eu.europa.esig.dss.jaxb.object.Message;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.simplecertificatereport.SimpleCertificateReport;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.validation.CertificateValidator;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import eu.europa.esig.dss.validation.reports.CertificateReports;
import eu.europa.esig.dss.validation.reports.Reports;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * The independent judge of signed PDFs: EU DSS with a pinned root, revocation data over HTTP.
 *
 * <p>Asked line by line, {@code ROOTS.pem TAB FILE TAB FILE ...}, PDFs or certificates (.cer, DER); it answers with one JSON
 * object a line, in the order of the files, then an empty line, and ends with its input. It only
 * reports: what is acceptable is decided by judge.py. The policy is DSS's own with its warnings about
 * modifications made errors, because the default says TOTAL_PASSED to a page drawn over after signing.
 */
public final class Judge {

    private static final String[] MADE_ERRORS = {
        "DocMDP", "FieldMDP", "SigFieldLock", "UndefinedChanges", "PdfVisualDifference"
    };

    private final CommonTrustedCertificateSource roots;
    private final String policy;
    private final List<String> asked = new ArrayList<>();
    private final Loopback network = new Loopback(asked::add);

    private Judge(Path pem) throws Exception {
        roots = Loopback.roots(pem);
        policy = strictPolicy();
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] asked = line.split("\t");
            Judge judge = new Judge(Path.of(asked[0]));
            for (int i = 1; i < asked.length; i++) {
                File file = new File(asked[i]);
                boolean certificate = file.getName().endsWith(".cer");
                out.println(json(certificate ? judge.judgeCertificate(file) : judge.judge(file)));
            }
            out.println();
        }
        System.exit(0); // whatever its libraries still have running
    }

    private Map<String, Object> judge(File file) {
        Map<String, Object> verdict = new LinkedHashMap<>();
        verdict.put("file", file.getName());
        try {
            SignedDocumentValidator validator = SignedDocumentValidator.fromDocument(new FileDocument(file));
            validator.setCertificateVerifier(verifier());
            Reports reports = validator.validateDocument(
                    new java.io.ByteArrayInputStream(policy.getBytes(StandardCharsets.UTF_8)));
            verdict.put("signatures", signatures(reports));
            verdict.put("timestamps", timestamps(reports));
        } catch (RuntimeException error) {
            verdict.put("error", error.getClass().getSimpleName() + ": " + error.getMessage());
        }
        return verdict;
    }

    /** The chain that DSS builds from one certificate alone, and what it asked whom to believe it. */
    private Map<String, Object> judgeCertificate(File file) {
        Map<String, Object> verdict = new LinkedHashMap<>();
        verdict.put("file", file.getName());
        asked.clear();
        try {
            CertificateValidator validator = CertificateValidator.fromCertificate(DSSUtils.loadCertificate(file));
            validator.setCertificateVerifier(verifier());
            CertificateReports reports = validator.validate();
            SimpleCertificateReport simple = reports.getSimpleReport();
            List<Object> chain = new ArrayList<>();
            for (String id : simple.getCertificateIds()) {
                Map<String, Object> one = new LinkedHashMap<>();
                one.put("name", simple.getCertificateCommonName(id));
                one.put("indication", String.valueOf(simple.getCertificateIndication(id)));
                one.put("subindication", String.valueOf(simple.getCertificateSubIndication(id)));
                one.put("errors", texts(simple.getX509ValidationErrors(id)));
                one.put("reason", String.valueOf(simple.getCertificateRevocationReason(id)));
                one.put("revocation", revocation(reports.getDiagnosticData().getUsedCertificateById(id)));
                chain.add(one);
            }
            verdict.put("chain", chain);
        } catch (RuntimeException error) {
            verdict.put("error", error.getClass().getSimpleName() + ": " + error.getMessage());
        }
        verdict.put("asked", new ArrayList<>(asked));
        return verdict;
    }

    private static List<Object> revocation(CertificateWrapper certificate) {
        List<Object> found = new ArrayList<>();
        for (CertificateRevocationWrapper one : certificate.getCertificateRevocationData()) {
            found.add(one.getRevocationType() + " " + one.getStatus() + " " + one.getSourceAddress());
        }
        return found;
    }

    private CommonCertificateVerifier verifier() {
        return network.verifier(roots);
    }

    private static List<Object> signatures(Reports reports) {
        SimpleReport simple = reports.getSimpleReport();
        DiagnosticData data = reports.getDiagnosticData();
        List<Object> found = new ArrayList<>();
        for (SignatureWrapper signature : data.getSignatures()) {
            String id = signature.getId();
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("field", signature.getSignatureFieldNames());
            one.put("indication", simple.getIndication(id));
            one.put("subindication", simple.getSubIndication(id));
            one.put("level", simple.getSignatureFormat(id));
            one.put("time", String.valueOf(simple.getBestSignatureTime(id)));
            one.put("errors", texts(simple.getAdESValidationErrors(id)));
            one.put("warnings", texts(simple.getAdESValidationWarnings(id)));
            one.put("extension", changes(signature.getPdfExtensionChanges()));
            one.put("form", changes(signature.getPdfSignatureOrFormFillChanges()));
            one.put("annotation", changes(signature.getPdfAnnotationChanges()));
            one.put("undefined", changes(signature.getPdfUndefinedChanges()));
            one.put("overlap", signature.getPdfAnnotationsOverlapConcernedPages());
            one.put("visual", signature.getPdfVisualDifferenceConcernedPages());
            one.put("pages", signature.getPdfPageDifferenceConcernedPages());
            found.add(one);
        }
        return found;
    }

    private static List<Object> timestamps(Reports reports) {
        SimpleReport simple = reports.getSimpleReport();
        List<Object> found = new ArrayList<>();
        for (TimestampWrapper stamp : reports.getDiagnosticData().getTimestampList()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("type", stamp.getType());
            one.put("indication", simple.getIndication(stamp.getId()));
            one.put("subindication", simple.getSubIndication(stamp.getId()));
            one.put("undefined", changes(stamp.getPdfUndefinedChanges()));
            found.add(one);
        }
        return found;
    }

    private static Collection<String> changes(List<XmlObjectModification> modifications) {
        Collection<String> found = new TreeSet<>();
        for (XmlObjectModification one : modifications) {
            String where = one.getFieldName() == null ? one.getValue() : one.getFieldName();
            found.add(one.getAction() + " " + one.getType() + " " + where);
        }
        return found;
    }

    private static List<String> texts(List<Message> messages) {
        return messages.stream().map(m -> m.getKey() + ": " + m.getValue()).toList();
    }

    private static String strictPolicy() throws Exception {
        try (InputStream in = Judge.class.getResourceAsStream("/policy/constraint.xml")) {
            String xml = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            for (String name : MADE_ERRORS) {
                String made = xml.replace("<" + name + " Level=\"WARN\"", "<" + name + " Level=\"FAIL\"");
                if (made.equals(xml)) {
                    throw new IllegalStateException("the default policy no longer has " + name);
                }
                xml = made;
            }
            return xml;
        }
    }

    private static String json(Object value) {
        if (value == null) {
            return "null";
        }
        if (value instanceof Map<?, ?> map) {
            List<String> members = new ArrayList<>();
            map.forEach((key, member) -> members.add(json(key) + ": " + json(member)));
            return "{" + String.join(", ", members) + "}";
        }
        if (value instanceof Collection<?> list) {
            return "[" + String.join(", ", list.stream().map(Judge::json).toList()) + "]";
        }
        if (value instanceof Number) {
            return value.toString();
        }
        StringBuilder text = new StringBuilder("\"");
        for (char c : value.toString().toCharArray()) {
            text.append(c < 0x20 || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : c);
        }
        return text.append('"').toString();
    }
}
